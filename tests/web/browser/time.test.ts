// time.test.ts — time on the page: spans, moments, steps, marks, the flame graph, recordings; with a make-believe viewer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { eventually, launch, type Visit, visit } from './chrome';
import { FakeProgram, FakeRecording, FakeViewer } from './fake';

const ID = '00c0ffee12345678';
const TEXT = ['def a():', '    one()', '    two()', 'def b():', '    three()'].join('\n');

let browser: Browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser.close();
});

function demo(): FakeProgram {
  const program = new FakeProgram(ID, [
    { path: '/home/ada/app/main.py', text: TEXT },
    { path: '/home/ada/app/helper.py', text: 'x = 1\ny = 2\n' },
  ]);
  program.start -= 5000;
  program.know(0, [1, 2, 3, 4, 5]);
  program.know(1, [1, 2]);
  program.hit(0, 1);
  stand(program, 'a', 2);
  return program;
}

function stand(program: FakeProgram, name: string, line: number): void {
  program.stack(1, 'MainThread', [[0, '<module>', 1, 1, 0, 3], [0, name, line, line, 4, 9]]);
}

async function show(program: FakeProgram, body: (page: Page, viewer: FakeViewer) => Promise<void>, recording: FakeRecording | null = null, hash = '', options: Visit = {}): Promise<void> {
  const viewer = new FakeViewer(join(process.cwd(), 'dist'));
  viewer.programs.push(program);
  viewer.recording = recording;
  await viewer.start();
  try {
    await visit(browser, viewer.url + hash, options, async (page) => {
      await page.locator('.cm-line').first().waitFor();
      if (recording !== null) await isLoaded(page);
      await body(page, viewer);
    });
  } finally {
    await viewer.stop();
  }
}

/** The strip shows all of recorded(). */
const isLoaded = (page: Page): Promise<unknown> =>
  eventually('end of the strip', () => page.getByLabel('Moment shown').getAttribute('max'), (max) => max === '2900');

const lines = (page: Page): Promise<Record<number, number> | null> => page.evaluate(() => window.heartrate.lines());

/** The hits of lines 1 to 5 become these. */
async function hitsBecome(page: Page, want: readonly number[]): Promise<void> {
  await eventually(`hits ${want.join()}`, async () => JSON.stringify(Object.values((await lines(page)) ?? {})), (got) => got === JSON.stringify(want));
}

async function standsAt(page: Page, line: number): Promise<void> {
  await eventually('stack', () => page.locator('.thread li.innermost .where').allTextContents(), (t) => t.join() === `main.py:${line}`);
  await eventually('highlight', () => page.locator('.cm-line .run-inner').allTextContents(), (t) => t.length === 1);
}

const urlHas = (page: Page, what: RegExp): Promise<string> => eventually(`URL with ${what}`, async () => page.url(), (url) => what.test(url));
/** Waits until the page has received what the program does now, and is past it. */
async function passes(viewer: FakeViewer): Promise<void> {
  const { frames } = viewer;
  await eventually('frames', async () => viewer.frames, (now) => now > frames + 3);
}

test('a mark leaves only what is hit from then on; without it all counts are back', () => {
  const program = demo();
  return show(program, async (page, viewer) => {
    program.hit(0, 2, 10);
    await hitsBecome(page, [1, 10, 0, 0, 0]);
    await page.keyboard.press('m');
    await hitsBecome(page, [0, 0, 0, 0, 0]);
    program.hit(0, 3, 7);
    await hitsBecome(page, [0, 0, 7, 0, 0]);
    assert.deepEqual(await page.evaluate(() => window.heartrate.files()), { '/home/ada/app/main.py': 7, '/home/ada/app/helper.py': 0 });
    await urlHas(page, /span=\d+-&marks=\d+/);
    await passes(viewer);
    await page.keyboard.press('m'); // a second one
    await hitsBecome(page, [0, 0, 0, 0, 0]);
    program.hit(0, 3, 1);
    program.hit(0, 5, 2);
    await hitsBecome(page, [0, 0, 1, 0, 2]);
    await page.getByLabel('Hits from').selectOption({ index: 1 });
    await hitsBecome(page, [0, 0, 8, 0, 2]);
    await page.getByLabel('Hits to').selectOption({ index: 1 });
    await hitsBecome(page, [0, 0, 7, 0, 0]);
    await page.keyboard.press('l');
    await hitsBecome(page, [1, 10, 8, 0, 2]);
    await page.getByRole('button', { name: 'Compare' }).click();
    const rows = (): Promise<string[]> => page.locator('.marks-table tbody tr').allInnerTexts();
    assert.deepEqual((await rows()).map((row) => row.split(/\s+/)), [['main.py:5', '0', '2'], ['main.py:3', '7', '1']]);
    await page.getByRole('link', { name: 'main.py:5' }).click();
    await urlHas(page, /line=5/);
    assert.equal(await page.locator('.marks[open]').count(), 0);
  });
});

test('a frozen moment stays, with its stack and highlight, while the program goes on; steps lead back and on', () => {
  const program = demo();
  return show(program, async (page, viewer) => {
    await hitsBecome(page, [1, 0, 0, 0, 0]);
    await standsAt(page, 2);
    await passes(viewer);
    program.hit(0, 2, 5);
    stand(program, 'a', 3);
    await hitsBecome(page, [1, 5, 0, 0, 0]);
    await standsAt(page, 3);
    await page.keyboard.press('Space');
    await urlHas(page, /at=\d+/);
    program.hit(0, 5, 9);
    stand(program, 'b', 5);
    await passes(viewer);
    await hitsBecome(page, [1, 5, 0, 0, 0]);
    await standsAt(page, 3);
    for (let i = 0; i < 400 && (await lines(page))?.[2] !== 0; i++) {
      await page.keyboard.press(',');
      await page.evaluate(() => new Promise(requestAnimationFrame));
    }
    await hitsBecome(page, [1, 0, 0, 0, 0]);
    await standsAt(page, 2);
    await page.keyboard.press('.');
    await hitsBecome(page, [1, 5, 0, 0, 0]);
    await page.keyboard.press('Space');
    await hitsBecome(page, [1, 5, 0, 0, 9]);
    await standsAt(page, 5);
  });
});

test('when a line was hit: first, before, next and last', () => {
  const program = demo();
  return show(program, async (page, viewer) => {
    await hitsBecome(page, [1, 0, 0, 0, 0]);
    for (let i = 1; i <= 3; i++) {
      await passes(viewer);
      program.hit(0, 2, 10);
      await hitsBecome(page, [1, 10 * i, 0, 0, 0]);
    }
    await page.keyboard.press('n');
    await page.keyboard.press('n');
    await page.getByText('Line 2').waitFor();
    await page.getByText(/^first \d+:\d/).waitFor();
    await page.keyboard.press('[');
    await hitsBecome(page, [1, 30, 0, 0, 0]);
    await page.keyboard.press('[');
    await hitsBecome(page, [1, 20, 0, 0, 0]);
    await page.keyboard.press('{');
    await hitsBecome(page, [1, 10, 0, 0, 0]);
    await page.keyboard.press(']');
    await hitsBecome(page, [1, 20, 0, 0, 0]);
    await page.keyboard.press('}');
    await hitsBecome(page, [1, 30, 0, 0, 0]);
  });
});

test('of a program that has ended nothing is called live: its newest moment is the end', () => {
  const program = demo();
  return show(program, async (page) => {
    const newest = page.locator('.time-bar .live');
    await eventually('while it runs', () => newest.textContent(), (text) => text === 'Live');
    Object.assign(program, { state: 'closed', why: 'exit', end: Date.now() });
    await eventually('when it has ended', () => newest.textContent(), (text) => text === 'End');
  });
});

/** Frame i of 20 at tick 1000 + 100 i: line 2 is hit i times by then, line 3 in the last one alone. */
function recorded(): { program: FakeProgram; recording: FakeRecording } {
  const program = demo();
  const recording = new FakeRecording(program);
  for (let i = 0; i < 20; i++) {
    if (i > 0) program.hit(0, 2);
    if (i === 19) program.hit(0, 3);
    stand(program, i % 2 === 0 ? 'a' : 'b', i % 2 === 0 ? 2 : 5);
    recording.record(1000 + 100 * i);
  }
  program.state = 'closed';
  program.end = Date.now();
  return { program, recording };
}

test('a recording: its end at first, any frame by keys, and it plays to its end', () => {
  const { program, recording } = recorded();
  return show(program, async (page) => {
    await page.locator('.pill.recording').waitFor();
    await page.locator('.message', { hasText: 'loading,' }).waitFor({ state: 'detached' });
    await hitsBecome(page, [1, 19, 1, 0, 0]);
    await page.keyboard.press(',');
    await hitsBecome(page, [1, 18, 0, 0, 0]);
    await standsAt(page, 2);
    await page.keyboard.press(',');
    await hitsBecome(page, [1, 17, 0, 0, 0]);
    await standsAt(page, 5);
    await page.getByLabel('Moment shown').focus();
    await page.keyboard.press('Home');
    await hitsBecome(page, [1, 0, 0, 0, 0]);
    await page.keyboard.press('ArrowRight');
    await hitsBecome(page, [1, 1, 0, 0, 0]);
    await page.getByLabel('Speed').selectOption('10');
    await page.keyboard.press('k');
    await hitsBecome(page, [1, 19, 1, 0, 0]);
  }, recording);
});

/** Where a tick of recorded() is in the plot, once that stays where it is. */
async function plotOf(page: Page): Promise<{ x: (tick: number) => number; y: number }> {
  let before = '';
  const box = await eventually('a plot that stays where it is', () => page.locator('.time-plot .u-over').boundingBox(), (now) => {
    const stays = now !== null && JSON.stringify(now) === before;
    before = JSON.stringify(now);
    return stays;
  });
  assert.ok(box !== null);
  return { x: (tick) => box.x + (box.width * (tick - 1000)) / 1900, y: box.y + 10 };
}

test('a URL leads to a span of a recording, and dragging chooses another', () => {
  const { program, recording } = recorded();
  const hash = `#/p/${ID}?file=/home/ada/app/main.py&span=1200-1700`;
  return show(program, async (page) => {
    await hitsBecome(page, [0, 5, 0, 0, 0]);
    await page.reload();
    await isLoaded(page);
    await hitsBecome(page, [0, 5, 0, 0, 0]);
    const { x, y } = await plotOf(page);
    await page.mouse.move(x(1450), y);
    await page.mouse.down();
    await page.mouse.move(x(1600), y + 2, { steps: 3 });
    await page.mouse.move(x(2050), y + 2, { steps: 3 });
    await page.mouse.up();
    await hitsBecome(page, [0, 6, 0, 0, 0]); // 1500, 1600 … 2000
    await urlHas(page, /span=14\d\d-20\d\d$/);
    await page.mouse.click(x(1350), y);
    await hitsBecome(page, [1, 3, 0, 0, 0]);
  }, recording, hash);
});

test('a finger drags a span, and a tap goes to a moment', () => {
  const { program, recording } = recorded();
  return show(program, async (page) => {
    const { x, y } = await plotOf(page);
    const devtools = await page.context().newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', tick: number | null): Promise<unknown> =>
      devtools.send('Input.dispatchTouchEvent', { type, touchPoints: tick === null ? [] : [{ x: x(tick), y }] });
    await touch('touchStart', 1450);
    for (const tick of [1500, 1700, 2050]) await touch('touchMove', tick);
    await touch('touchEnd', null);
    await hitsBecome(page, [0, 6, 0, 0, 0]); // 1500, 1600 … 2000
    await urlHas(page, /span=14\d\d-20\d\d$/);
    await page.touchscreen.tap(x(1350), y);
    await hitsBecome(page, [1, 3, 0, 0, 0]);
  }, recording, `#/p/${ID}`, { viewport: { width: 390, height: 844 }, hasTouch: true });
});

test('a flame graph of what was seen in the span stands in the place of the stacks', () => {
  const { program, recording } = recorded();
  const hash = `#/p/${ID}?span=1000-1500`;
  return show(program, async (page) => {
    await hitsBecome(page, [0, 5, 0, 0, 0]);
    await page.keyboard.press('v');
    await page.getByText('Flame graph · 5 samples').waitFor();
    assert.equal(await page.locator('.stack-grid').isVisible(), false);
    const frames = (): Promise<(string | null)[]> => page.locator('.flame-chart g.frame').evaluateAll((all) => all.map((g) => g.getAttribute('name')));
    assert.deepEqual((await frames()).sort(), ['<module>', 'a', 'all', 'b']);
    await page.locator('.flame-chart g[name=b] rect').click();
    await page.getByRole('link', { name: 'Open main.py:5' }).click();
    await urlHas(page, /line=5/);
    await page.keyboard.press('l');
    await page.getByText('Flame graph · 20 samples').waitFor();
    await page.keyboard.press('v');
    assert.equal(await page.locator('.stack-grid').isVisible(), true);
  }, recording, hash);
});

test('a recording that ended before its program says so where it ends, and only there', () => {
  const { program, recording } = recorded();
  program.state = 'live';
  program.end = null;
  return show(program, async (page) => {
    const words = page.getByText('The recording ends here The program was still running.');
    await words.waitFor();
    assert.equal(await page.locator('.pill').textContent(), 'recording');
    await page.keyboard.press(',');
    await words.waitFor({ state: 'detached' });
    await page.keyboard.press('.');
    await words.waitFor();
  }, recording);
});

test('a torn recording says so', () => {
  const { program, recording } = recorded();
  recording.torn = true;
  return show(program, async (page) => page.getByText('The recording is torn').waitFor(), recording);
});

test('a URL of before the page was loaded is told what is remembered', () => {
  const program = demo();
  return show(program, async (page) => {
    await page.getByText('Not remembered so far back').waitFor();
    await page.keyboard.press('l');
    await hitsBecome(page, [1, 0, 0, 0, 0]);
    await eventually('URL', async () => page.url(), (url) => !url.includes('at='));
  }, null, `#/p/${ID}?at=5`);
});
