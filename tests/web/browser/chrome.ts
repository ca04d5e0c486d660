// chrome.ts — a real chromium for the tests, and pages that fail their test on an external request, a violation of the
// content security policy or an error on the console.
import assert from 'node:assert/strict';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const DEADLINE_MS = 60_000; // for what must happen at all; how fast is not what these tests judge

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface Visit extends BrowserContextOptions {
  /** Console errors that the test brings about itself. */
  readonly expected?: RegExp;
  /** Done with the page before it loads anything. */
  readonly prepare?: (page: Page) => Promise<void>;
}

/** Opens a page, runs `body` on it, and then judges what the page did on the side. */
export async function visit(
  browser: Browser,
  url: string,
  options: Visit,
  body: (page: Page) => Promise<void>,
): Promise<void> {
  const { expected, prepare, ...context } = options;
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 }, ...context });
  page.setDefaultTimeout(DEADLINE_MS);
  const wrong: string[] = [];
  const own = new URL(url).host;
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (to.protocol !== 'data:' && to.host !== own) wrong.push(`external request: ${request.url()}`);
  });
  page.on('pageerror', (error) => wrong.push(`uncaught: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && !/Content.Security.Policy/i.test(message.text())) return;
    if (expected?.test(message.text()) !== true) wrong.push(`console: ${message.text()}`);
  });
  try {
    await prepare?.(page);
    await page.goto(url);
    await page.locator('.shell').waitFor(); // from then on it hears keys
    await body(page);
  } finally {
    await page.close();
  }
  assert.deepEqual(wrong, []);
}

/** Polls until `probe` gives what is wanted, and gives it. */
export async function eventually<T>(what: string, probe: () => Promise<T>, good: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await probe();
    if (good(value)) return value;
    if (Date.now() > deadline) throw new Error(`${what}: still ${JSON.stringify(value)} after ${DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
