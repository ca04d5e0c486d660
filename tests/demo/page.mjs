// page.mjs — the page in headless chromium, told what to do line by line on stdin, answering with a line each (browser.py):
//
//   open URL             loads it; answers once there are numbers: {"hits": of all files}
//   show PATH LINE       opens a file of the program; answers once there are numbers too: {"hits": of the file}
//   more HITS            answers once the file shown has more: {"hits": of the file}
//   picture FILE HITS    a screenshot, as soon as the file shown has that many
//   press KEY            a key press: {"pressed": KEY}
//   film FOLDER SECONDS  what the browser draws, ten times a second at most, FOLDER/MILLISECONDS.png: {"frames": their number}
//   read TOTAL [PATH…]   (JSON array) waits until all files together show TOTAL hits, for a time, then answers
//                        {"total": hits, "files": {path: {line: hits}}}
import { createRequire } from 'node:module';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { chromium } = createRequire(new URL('../../web/package.json', import.meta.url))('playwright-core');
const DEADLINE_MS = 30_000;
const FILM_MS = 100;

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
// A source that cannot be had (a frame in <frozen codecs>, say) is a 404, which the browser tells on the console.
page.on('console', (message) => {
  if (message.type() === 'error' && !message.location().url.includes('/api/source?')) troubles.push(message.text());
});

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

const visit = (path, line) =>
  page.evaluate(
    ([file, at]) => {
      location.hash = `#/p/${window.heartrate.program()}?file=${encodeURIComponent(file)}&line=${at}`;
    },
    [path, line],
  );

// The lines of a file that has been visited; null until the page has got all of its hits.
const linesOf = (path) =>
  page.evaluate((file) => {
    const { heartrate } = window;
    if (heartrate.file() !== file) return null;
    const lines = heartrate.lines() ?? {};
    return Object.values(lines).reduce((a, b) => a + b, 0) === heartrate.files()[file] ? lines : null;
  }, path);

const commands = {
  async open(url) {
    await page.goto(url);
    await page.locator('.shell').waitFor();
    return { hits: await poll(total, (hits) => hits > 0) };
  },
  async show(path, line) {
    await visit(path, line);
    return { hits: await poll(fileHits, (hits) => hits > 0) };
  },
  async more(than) {
    return { hits: await poll(fileHits, (hits) => hits > than) };
  },
  async picture(file, hits) {
    await poll(fileHits, (shown) => shown >= hits);
    await page.screenshot({ path: file });
    return { picture: file };
  },
  async press(key) {
    await page.keyboard.press(key);
    return { pressed: key };
  },
  async film(folder, seconds) {
    let frames = 0;
    const devtools = await context.newCDPSession(page);
    devtools.on('Page.screencastFrame', ({ data, sessionId }) => {
      writeFileSync(join(folder, `${Date.now()}.png`), data, 'base64');
      frames++;
      // The browser sends the next one when it hears of this one.
      setTimeout(() => devtools.send('Page.screencastFrameAck', { sessionId }).catch(() => {}), FILM_MS);
    });
    await devtools.send('Page.startScreencast', { format: 'png' });
    await page.waitForTimeout(seconds * 1000);
    await devtools.detach();
    return { frames };
  },
  async read(expected, ...paths) {
    const shown = await poll(total, (hits) => hits === expected);
    const files = {};
    for (const path of paths) {
      await visit(path, 1);
      files[path] = await poll(() => linesOf(path), (lines) => lines !== null);
    }
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
