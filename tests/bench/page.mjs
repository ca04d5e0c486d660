// page.mjs — the page in headless chromium, measured for page.py; each command prints one line of JSON:
//
//   frames URL SECONDS     a busy file on the screen: what the main thread spends a frame, by chromium's own trace
//   ready URL TURNS        from the navigation to source and numbers on the screen
//   memory URL MINUTES     JavaScript heap after a garbage collection, once a minute
//   pixels URL LEAST       every count from LEAST on and when it stood on the screen, until stdin ends
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { chromium } = createRequire(new URL('../../web/package.json', import.meta.url))('playwright-core');
const DEADLINE_MS = 60_000;
const FLAGS = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(' ');
const WARM_MS = 3000;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
const folder = mkdtempSync(join(tmpdir(), 'heartrate-bench-'));

async function open(url, prepare) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  page.setDefaultTimeout(DEADLINE_MS);
  if (prepare !== undefined) await page.addInitScript(...prepare);
  await page.goto(url);
  await page.waitForFunction(() => window.heartrate.lines() !== null && document.querySelector('.cm-content')?.textContent);
  return page;
}

const commands = {
  async frames(url, seconds) {
    const page = await open(url);
    await page.waitForTimeout(WARM_MS);
    const path = join(folder, 'trace.json');
    await browser.startTracing(page, { path, categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'toplevel', 'blink'] });
    await page.waitForTimeout(seconds * 1000);
    await browser.stopTracing();
    return spent(JSON.parse(readFileSync(path, 'utf8')).traceEvents);
  },

  async ready(url, turns) {
    const times = [];
    for (let turn = 0; turn < Number(turns) + 1; turn++) {
      const page = await open(url, [() => {
        const look = () => {
          const there = window.heartrate !== undefined && window.heartrate.lines() !== null && document.querySelector('.cm-content')?.textContent;
          if (there) requestAnimationFrame(() => (window.readyAt = performance.now())); // what the last frame drew is seen
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      }]);
      const at = await page.waitForFunction(() => window.readyAt);
      if (turn > 0) times.push(await at.jsonValue()); // the first one warms hrview and browser
      await page.close();
    }
    return { times };
  },

  async memory(url, minutes) {
    const page = await open(url);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable');
    const heap = async () => {
      await devtools.send('HeapProfiler.collectGarbage');
      const { metrics } = await devtools.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'JSHeapUsedSize').value;
    };
    await page.waitForTimeout(WARM_MS * 5);
    const sizes = [await heap()];
    for (let minute = 0; minute < Number(minutes); minute++) {
      await page.waitForTimeout(60_000);
      sizes.push(await heap());
    }
    return { sizes };
  },

  async pixels(url, least) {
    const page = await open(url, [(from) => {
      window.drawn = [];
      const plain = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        const count = Number(String(text).replaceAll(',', ''));
        // The next frame begins when this one has been handed over.
        if (count >= from) requestAnimationFrame(() => window.drawn.push([count, performance.timeOrigin + performance.now()]));
        return plain.call(this, text, ...place);
      };
    }, Number(least)]);
    await page.waitForFunction(() => window.drawn.length > 0);
    console.log(JSON.stringify({ ready: true }));
    for await (const _ of process.stdin);
    return { drawn: await page.evaluate(() => window.drawn) };
  },
};

/** Of a trace, the renderer that draws animation frames: what its main thread did, task by task. */
function spent(events) {
  const fired = events.filter(({ name, ph }) => name === 'FireAnimationFrame' && ph === 'X');
  const threads = new Map();
  for (const { pid, tid } of fired) threads.set(`${pid} ${tid}`, (threads.get(`${pid} ${tid}`) ?? 0) + 1);
  const [main, frames] = [...threads].sort((a, b) => b[1] - a[1])[0];
  const own = events.filter(({ pid, tid, ph }) => `${pid} ${tid}` === main && ph === 'X');
  const tasks = own.filter(({ name }) => name === 'RunTask');
  const names = new Map();
  for (const { name, dur = 0 } of own) names.set(name, (names.get(name) ?? 0) + dur / 1000 / frames);
  const top = [...names].sort((a, b) => b[1] - a[1]).slice(0, 14).map(([name, ms]) => [name, +ms.toFixed(3)]);
  const sum = (list, key) => list.reduce((total, event) => total + (event[key] ?? 0), 0) / 1000;
  return {
    frames,
    wallMs: sum(tasks, 'dur') / frames,
    cpuMs: sum(tasks, 'tdur') / frames,
    longestMs: Math.max(...tasks.map(({ dur }) => dur ?? 0)) / 1000,
    longestCpuMs: Math.max(...tasks.map(({ tdur }) => tdur ?? 0)) / 1000,
    top,
  };
}

try {
  const [command, ...words] = process.argv.slice(2);
  console.log(JSON.stringify(await commands[command](...words)));
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
