// page.mjs — the page in headless chromium, told what to do line by line on stdin, answering with a line each (once.py):
//
//   open URL             loads it; answers once the numbers move: {"moved": [hits, hits]}
//   show PATH            opens a file of the program; answers once its hits move too
//   picture FILE         a screenshot
//   read TOTAL [PATH…]   (JSON array) waits until all files together show TOTAL hits, for a time, then answers
//                        {"total": hits, "files": {path: {line: hits}}}
import { createRequire } from 'node:module';
import { mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { chromium } = createRequire(new URL('../../web/package.json', import.meta.url))('playwright-core');
const DEADLINE_MS = 30_000;

const profile = mkdtempSync(join(tmpdir(), 'heartrate-demo-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  viewport: { width: 1280, height: 800 },
  args: '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(' '),
});
const page = context.pages()[0] ?? (await context.newPage());
const troubles = [];
page.on('pageerror', (error) => troubles.push(String(error)));
page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));

const total = () => page.evaluate(() => Object.values(window.heartrate?.files() ?? {}).reduce((a, b) => a + b, 0));
const fileHits = () =>
  page.evaluate(() => Object.values(window.heartrate?.lines() ?? {}).reduce((a, b) => a + b, 0));

// Asks until it is enough, or the time is over; returns the last answer.
async function poll(ask, enough) {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const answer = await ask();
    if (enough(answer) || Date.now() > end) return answer;
    await page.waitForTimeout(50);
  }
}

async function moves(ask) {
  const first = await poll(ask, (hits) => hits > 0);
  return { moved: [first, await poll(ask, (hits) => hits > first)] };
}

async function show(path) {
  await page.evaluate((file) => {
    const program = window.heartrate.program();
    location.hash = `#/p/${program}?file=${encodeURIComponent(file)}`;
  }, path);
  return poll(
    () => page.evaluate((file) => window.heartrate.file() === file && window.heartrate.lines(), path),
    (lines) => lines,
  );
}

const commands = {
  async open(url) {
    await page.goto(url);
    return moves(total);
  },
  async show(path) {
    await show(path);
    return moves(fileHits);
  },
  async picture(file) {
    await page.screenshot({ path: file });
    return { picture: file };
  },
  async read(expected, ...paths) {
    const shown = await poll(total, (hits) => hits === expected);
    const files = {};
    for (const path of paths) files[path] = await show(path);
    return { total: shown, files };
  },
};

try {
  console.log(JSON.stringify({ ready: context.browser()?.version() ?? 'chromium' }));
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...words] = JSON.parse(line);
    console.log(JSON.stringify({ ...(await commands[command](...words)), troubles }));
  }
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
