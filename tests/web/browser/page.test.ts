// page.test.ts — the built page in a real chromium against a make-believe viewer: what a person sees and does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { eventually, launch, visit } from './chrome';
import { FakeProgram, FakeViewer, type FakeFile } from './fake';

const DIST = join(process.cwd(), 'dist');
const ID = '00c0ffee12345678';

const MAIN = [
  'import helper',
  '',
  'def work(n):',
  '    total = 0',
  '    for i in range(n):',
  '        total += helper.square(i)',
  '    return total',
  '',
  'def never():',
  '    return "é" + str(work(3))',
  '',
  'work(10)',
].join('\r\n');
const HELPER = 'def square(x):\n    return x * x\n';

function demo(id = ID): FakeProgram {
  const files: FakeFile[] = [
    { path: '/home/ada/app/main.py', text: MAIN },
    { path: '/home/ada/app/lib/helper.py', text: HELPER },
    { path: '/usr/lib/python3.14/threading.py', text: 'def run():\n    pass\n', traced: false },
    { path: '/home/ada/.venv/lib/python3.14/site-packages/attr/_make.py', text: 'x = 1\n' },
  ];
  const program = new FakeProgram(id, files);
  program.know(0, [1, 3, 4, 5, 6, 7, 9, 10, 12]);
  program.know(1, [1, 2]);
  for (const line of [1, 3, 9, 12]) program.hit(0, line);
  program.hit(0, 4, 1000);
  program.hit(0, 5, 1_000_000);
  program.hit(0, 6, 1_234_567);
  program.hit(1, 2, 1_234_567);
  return program;
}

let browser: Browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser.close();
});

async function withViewer(programs: FakeProgram[], body: (viewer: FakeViewer) => Promise<void>): Promise<void> {
  const viewer = new FakeViewer(DIST);
  viewer.programs.push(...programs);
  await viewer.start();
  try {
    await body(viewer);
  } finally {
    await viewer.stop();
  }
}

async function shows(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor();
}

async function linesBecome(page: Page, want: Record<number, number>): Promise<void> {
  await eventually('lines', () => page.evaluate(() => window.heartrate.lines()), (lines) => {
    try {
      assert.deepEqual(lines, Object.fromEntries(Object.entries(want)));
      return true;
    } catch {
      return false;
    }
  });
}

test('with one program the page goes straight to its caller’s file, counts and all', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      await shows(page, 'total += helper.square(i)'.slice(0, 5));
      assert.match(page.url(), new RegExp(`#/p/${ID}$`));
      assert.equal(await page.evaluate(() => window.heartrate.file()), '/home/ada/app/main.py');
      await linesBecome(page, viewer.programs[0]?.hitsOf(0) ?? {});
    }),
  ));

test('counts follow the program', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      const program = viewer.programs[0] as FakeProgram;
      await linesBecome(page, program.hitsOf(0));
      for (let i = 0; i < 5; i++) {
        program.hit(0, 6, 17);
        program.hit(0, 10);
        await linesBecome(page, program.hitsOf(0));
      }
    }),
  ));

test('without a program the page says how to start one, and goes to the first that appears', () =>
  withViewer([], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      await shows(page, 'No program is being traced');
      await shows(page, 'python -m heartrate_shm your_script.py');
      viewer.programs.push(demo());
      await shows(page, 'helper');
      await eventually('url', async () => page.url(), (url) => url.includes(ID));
    }),
  ));

test('several programs are cards, children below their parent; a card leads to its program, back leads back', () => {
  const child = demo('00c0ffee00000002');
  child.parent = ID;
  child.name = 'worker';
  return withViewer([demo(), child], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      await shows(page, 'worker');
      assert.deepEqual(await page.locator('.cards li b').allTextContents(), ['demo.py', 'worker']);
      assert.equal(await page.locator('.cards li.child b').textContent(), 'worker');
      await page.getByRole('link', { name: /worker/ }).click();
      await eventually('url', async () => page.url(), (url) => url.includes('00c0ffee00000002'));
      await linesBecome(page, child.hitsOf(0));
      await page.goBack();
      await page.locator('.cards').waitFor();
    }),
  );
});

test('a card tells hits, hits a second with a curve, and threads; an ended one its hits', () => {
  const busy = demo();
  const ended = demo('00c0ffee00000002');
  Object.assign(ended, { state: 'closed', why: 'exit', end: Date.now() });
  busy.stack(1, 'MainThread', [[0, 'work', 6, 6, 17, 33]]);
  return withViewer([busy, ended], (viewer) =>
    visit(browser, `${viewer.url}#/`, {}, async (page) => {
      const cards = page.locator('.cards li');
      const words = (card: number): Promise<string> => cards.nth(card).locator('.doing').innerText();
      const points = (card: number): Promise<string | null> => cards.nth(card).locator('polyline').getAttribute('points');
      await eventually('a first look', () => words(0), (text) => text.startsWith('3,470,138 hits · 1 thread'));
      await eventually(
        'a rate',
        async () => {
          busy.hit(0, 7, 1000);
          return cards.nth(0).locator('.rate').innerText();
        },
        (text) => /^[1-9][\d.]*[kM]?\/s$/.test(text),
      );
      await eventually('a curve', () => points(0), (text) => (text ?? '').split(' ').length >= 2);
      assert.equal(await words(1), '3,470,138 hits');
      assert.equal(await points(1), '');
    }),
  );
});

test('the strip draws a bar for hot lines, a mark for lines never hit, nothing where nothing can be hit', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, { colorScheme: 'dark' }, async (page) => {
      await linesBecome(page, viewer.programs[0]?.hitsOf(0) ?? {});
      const ink = (line: number): Promise<number> => barInk(page, line);
      const hot = await eventually('bar of line 6', () => ink(6), (pixels) => pixels > 500);
      await eventually('bar of line 5', () => ink(5), (pixels) => pixels > 500 && pixels < hot);
      assert.equal(await ink(2), 0, 'an empty line');
      const never = await ink(10);
      assert.ok(never > 0 && never < 40, `never hit: ${never}`);
      assert.deepEqual(await page.locator('.line-unhit').allTextContents(), ['    return total', '    return "é" + str(work(3))']);
    }),
  ));

/** How many pixels of a line's bar column are not empty. */
function barInk(page: Page, line: number): Promise<number> {
  return page.evaluate((n) => {
    const canvas = document.querySelector<HTMLCanvasElement>('.strip-canvas');
    const text = document.querySelectorAll('.cm-line')[n - 1];
    if (canvas === null || text === undefined) return -1;
    const box = canvas.getBoundingClientRect();
    const row = text.getBoundingClientRect();
    const scale = canvas.width / box.width;
    const x = box.width - 14 - 132; // where bars begin, see fit() in views/strip.ts
    const pixels = canvas.getContext('2d')?.getImageData(x * scale, (row.top - box.top) * scale, 132 * scale, row.height * scale);
    let ink = 0;
    for (let i = 3; i < (pixels?.data.length ?? 0); i += 4) if ((pixels?.data[i] ?? 0) > 0) ink++;
    return ink;
  }, line);
}

test('a bar loses its light when its line rests', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, { colorScheme: 'dark' }, async (page) => {
      const program = viewer.programs[0] as FakeProgram;
      await linesBecome(page, program.hitsOf(0));
      const light = (): Promise<number> => lightest(page, 6);
      await eventually('resting', light, (l) => l < 200);
      const busy = setInterval(() => program.hit(0, 6, 100), 10);
      try {
        await eventually('busy', light, (l) => l > 230);
      } finally {
        clearInterval(busy);
      }
      await eventually('resting again', light, (l) => l < 200);
    }),
  ));

/** The brightest pixel of a line's bar right of its first two pixels, as the mean of its channels. */
function lightest(page: Page, line: number): Promise<number> {
  return page.evaluate((n) => {
    const canvas = document.querySelector<HTMLCanvasElement>('.strip-canvas');
    const text = document.querySelectorAll('.cm-line')[n - 1];
    if (canvas === null || text === undefined) return -1;
    const box = canvas.getBoundingClientRect();
    const row = text.getBoundingClientRect();
    const data = canvas.getContext('2d')?.getImageData(box.width - 14 - 132 + 3, row.top - box.top + row.height / 2, 100, 1).data;
    let best = 0;
    for (let i = 0; i < (data?.length ?? 0); i += 4)
      best = Math.max(best, ((data?.[i] ?? 0) + (data?.[i + 1] ?? 0) + (data?.[i + 2] ?? 0)) / 3);
    return best;
  }, line);
}

test('running expressions are marked in the text, each thread in its colour, and in its stack', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      const program = viewer.programs[0] as FakeProgram;
      program.stack(1, 'MainThread', [
        [0, '<module>', 12, 12, 0, 8],
        [0, 'work', 6, 6, 17, 33],
        [1, 'square', 2, 2, 11, 16],
      ]);
      program.stack(2, 'other', [[2, 'Thread.run', 1, 1, -1, -1], [0, 'never', 10, 10, 18, 30]]);
      await eventually('marks', () => page.locator('.cm-line .run').allTextContents(), (marks) => marks.join('|') === 'helper.square(i)|str(work(3))|work(10)');
      assert.equal(await page.locator('.cm-line .run.t0').count(), 2);
      assert.equal(await page.locator('.cm-line .run.t1.run-inner').textContent(), 'str(work(3))');
      const main = page.locator('.thread', { hasText: 'MainThread' });
      await eventually('stack', () => main.locator('li').allTextContents(), (rows) => rows.length === 3);
      assert.deepEqual(await main.locator('.where').allTextContents(), ['main.py:12', 'main.py:6', 'helper.py:2']);
      await eventually('statement', () => main.locator('li.innermost code').textContent(), (text) => text === 'return x * x');
      assert.equal(await main.locator('li.innermost mark').textContent(), 'x * x');
    }),
  ));

test('a frame leads to its line; one of an untraced file to its source with the way to trace it', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      const program = viewer.programs[0] as FakeProgram;
      program.stack(1, 'MainThread', [[0, 'work', 6, 6, 17, 33], [1, 'square', 2, 2, 11, 16], [2, 'run', 2, 2, 4, 8]]);
      await page.locator('.thread a', { hasText: 'helper.py' }).click();
      await eventually('file', () => page.evaluate(() => window.heartrate.file()), (file) => file === '/home/ada/app/lib/helper.py');
      assert.match(page.url(), /file=\/home\/ada\/app\/lib\/helper\.py&line=2$/);
      await eventually('target', () => page.locator('.line-target').allTextContents(), (t) => t.join() === '    return x * x');
      await linesBecome(page, program.hitsOf(1));
      await page.locator('.thread a', { hasText: 'threading.py' }).click();
      await shows(page, /files\.path_contains\('\/usr\/lib\/python3\.14\/threading\.py'\)/);
      await page.goBack();
      await page.goBack();
      await linesBecome(page, program.hitsOf(0));
    }),
  ));

test('files are grouped, hottest first, and the filter finds them', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      await page.locator('.files li').first().waitFor();
      const groups = await page.locator('.files section:not([hidden]) h2').allTextContents();
      assert.deepEqual(groups, ['Project 2', 'Installed packages 1']);
      assert.deepEqual(await page.locator('.files section:not([hidden]) .name').allTextContents(), ['main.py ', 'helper.py lib/', '_make.py attr/']);
      await page.keyboard.press('/');
      await page.keyboard.type('help');
      assert.deepEqual(await page.locator('.files section:not([hidden]) .name b').allTextContents(), ['helper.py']);
      await page.keyboard.press('Enter');
      await eventually('file', () => page.evaluate(() => window.heartrate.file()), (file) => file === '/home/ada/app/lib/helper.py');
    }),
  ));

test('space freezes the picture and lets it go on', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      const program = viewer.programs[0] as FakeProgram;
      await linesBecome(page, program.hitsOf(0));
      await page.keyboard.press('Space');
      assert.equal(await page.evaluate(() => window.heartrate.paused()), true);
      const frozen = program.hitsOf(0);
      program.hit(0, 6, 5);
      const asked = viewer.frames;
      await eventually('frames that come meanwhile', async () => viewer.frames - asked, (frames) => frames > 3);
      assert.deepEqual(await page.evaluate(() => window.heartrate.lines()), Object.fromEntries(Object.entries(frozen)));
      await page.keyboard.press('Space');
      await linesBecome(page, program.hitsOf(0));
    }),
  ));

test('h goes to the hottest line, n and p to the next and previous that was hit', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      await linesBecome(page, viewer.programs[0]?.hitsOf(0) ?? {});
      const at = (): Promise<string> => page.locator('.line-target').textContent().then((t) => t ?? '');
      await page.keyboard.press('h');
      await eventually('hottest', at, (text) => text.includes('total += helper'));
      await page.keyboard.press('n');
      await eventually('next', at, (text) => text.startsWith('def never')); // line 7 was never hit
      await page.keyboard.press('p');
      await eventually('previous', at, (text) => text.includes('total += helper'));
      assert.match(page.url(), /line=6$/);
    }),
  ));

test('? explains, the theme goes round, and is remembered', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, { colorScheme: 'light' }, async (page) => {
      await page.locator('.cm-line').first().waitFor();
      await page.keyboard.press('?');
      await shows(page, 'Reading the picture');
      const help = page.getByRole('dialog', { name: 'Help' });
      assert.equal(await help.evaluate((dialog) => dialog.scrollTop), 0); // how to read it comes first, then the keys
      assert.ok(await help.evaluate((dialog) => dialog.scrollHeight > dialog.clientHeight), 'all of it is seen, which tells nothing');
      const rows = await help.locator('dt').evaluateAll((keys) => keys.map((key) => new Set([...key.children].map((cap) => cap.getBoundingClientRect().top)).size));
      assert.deepEqual(rows.filter((n) => n !== 1), [], 'keys that are pressed together stand side by side');
      await page.keyboard.press('Escape');
      const tone = (): Promise<string | null> => page.locator('html').getAttribute('data-tone');
      assert.equal(await tone(), 'light');
      await page.keyboard.press('t');
      await page.keyboard.press('t');
      assert.equal(await tone(), 'dark');
      await page.reload();
      await page.locator('.cm-line').first().waitFor();
      assert.equal(await tone(), 'dark');
    }),
  ));

test('a URL with a file and a line opens there, a reload stays there', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, `${viewer.url}#/p/${ID}?file=/home/ada/app/lib/helper.py&line=2`, {}, async (page) => {
      const target = page.locator('.line-target');
      await eventually('target', () => target.allTextContents(), (t) => t.join() === '    return x * x');
      await page.reload();
      await eventually('target', () => target.allTextContents(), (t) => t.join() === '    return x * x');
    }),
  ));

test('when hrview goes the last picture stays, and when it is back the page is by itself', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, { expected: /WebSocket|ERR_(CONNECTION|EMPTY_RESPONSE)/ }, async (page) => {
      const program = viewer.programs[0] as FakeProgram;
      await linesBecome(page, program.hitsOf(0));
      await page.locator('.cm-line', { hasText: 'def work' }).waitFor();
      const last = program.hitsOf(0);
      await viewer.stop();
      await shows(page, 'hrview is gone');
      program.hit(0, 6, 1);
      assert.deepEqual(await page.evaluate(() => window.heartrate.lines()), Object.fromEntries(Object.entries(last)));
      assert.ok((await page.locator('.cm-content').textContent())?.includes('def work'));
      await viewer.start();
      await linesBecome(page, program.hitsOf(0));
      await page.getByText('hrview is gone').waitFor({ state: 'detached' });
    }),
  ));

const TROUBLES: readonly (readonly [what: string, bring: (program: FakeProgram) => void, words: RegExp])[] = [
  ['ended', (p) => Object.assign(p, { state: 'closed', why: 'exit', end: Date.now() }), /The program has ended/],
  ['stopped', (p) => Object.assign(p, { state: 'closed', why: 'stopped', end: Date.now() }), /called stop\(\)/],
  ['killed', (p) => Object.assign(p, { state: 'dead' }), /gone without having ended well/],
  ['in another namespace', (p) => Object.assign(p, { state: 'unknown' }), /another pid namespace/],
  ['corrupt', (p) => Object.assign(p, { state: 'corrupt', why: 'section past the end' }), /section past the end/],
  ['removed', (p) => Object.assign(p, { gone: true }), /record has been removed/],
  ['dropping counts', (p) => Object.assign(p, { drops: { hits: 4321 } }), /4,321 line hits not counted/],
  ['taken over', (p) => p.notes.push(['taken-over', 1, 'pydevd has the trace function']), /pydevd has the trace function/],
  ['with a note', (p) => p.notes.push(['filter', 1, 'the filter raised KeyError']), /1 note/],
];

for (const [what, bring, words] of TROUBLES)
  test(`a program ${what} says so, and its counts stay`, () =>
    withViewer([demo()], (viewer) =>
      visit(browser, viewer.url, {}, async (page) => {
        const program = viewer.programs[0] as FakeProgram;
        await linesBecome(page, program.hitsOf(0));
        bring(program);
        await shows(page, words);
        await linesBecome(page, program.hitsOf(0));
      }),
    ));

test('the tables’ fill and the cost of viewing are told; a table that is nearly full stands out', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      const program = viewer.programs[0] as FakeProgram;
      const summary = page.locator('.tables summary');
      await page.getByText('strings table 0.4 % full').waitFor();
      assert.equal(await page.locator('.tables.full').count(), 0);
      program.tables = { ...program.tables, slots: [1_950_000, 2_097_152] };
      await page.locator('.tables.full', { hasText: 'slots table 93 % full' }).waitFor();
      await summary.click();
      await page.getByText('slots 93 %, 1,950,000 of 2,097,152').waitFor();
      await page.getByText('strings 0.4 %, 81,000 of 19,000,000 bytes').waitFor();
      const start = Date.now();
      viewer.cpuMs = () => (Date.now() - start) / 20;
      await page.getByText(/viewing costs \d[\d.]* % of a core · \d+ frames[/]s/).waitFor();
    }),
  ));

test('a source that cannot be had is said, and its counts are shown without it', () => {
  const program = demo();
  (program.files[0] as FakeFile).text = null;
  return withViewer([program], (viewer) =>
    visit(browser, viewer.url, { expected: /404/ }, async (page) => {
      await shows(page, /permission denied\. Counts are shown without it/);
      await eventually('rows', () => page.locator('.cm-line').count(), (n) => n === 12);
      await eventually('bar', () => barInk(page, 6), (ink) => ink > 500);
    }),
  );
});

test('a source that nobody has is not asked for', () => {
  const program = demo();
  Object.assign(program.files[0] as FakeFile, { text: null, disk: false, source: false });
  return withViewer([program], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => shows(page, /the program could not give its text\. Counts are shown without it/)),
  );
});

test('a file that changed on disk is marked', () => {
  const program = demo();
  (program.files[0] as FakeFile).changed = true;
  return withViewer([program], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => shows(page, /This text is not the one that runs/)),
  );
});

test('a frame that is no frame ends in words, not in a broken page', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      const program = viewer.programs[0] as FakeProgram;
      await linesBecome(page, program.hitsOf(0));
      viewer.garbage = new Uint8Array([0xc1, 0, 1]);
      await shows(page, /frame: not msgpack/);
      viewer.garbage = null;
      program.hit(0, 6, 3);
      await linesBecome(page, program.hitsOf(0));
    }),
  ));

test('script in names, stacks and sources is text', () => {
  const evil = '<img src=x onerror="window.evil=1"><script>window.evil=1</script>';
  const program = demo();
  Object.assign(program, { name: evil, argv: [evil], why: evil, state: 'corrupt', notes: [['trouble', 1, evil]] });
  (program.files[0] as FakeFile).text = `x = '${evil}'\n`;
  program.stack(1, evil, [[0, evil, 1, 1, 4, 20]]);
  return withViewer([program], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      await page.locator('.thread li').first().waitFor();
      assert.equal(await page.evaluate(() => 'evil' in window), false);
      assert.equal(await page.locator('img').count(), 0);
    }),
  );
});

test('a character that would turn the writing direction of code is shown as such', () => {
  const program = demo();
  (program.files[0] as FakeFile).text = "access = 'user\u202e\u2066# ok\u2069'\n";
  return withViewer([program], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      await page.locator('.cm-specialChar').first().waitFor();
      const text = await page.locator('.cm-line').first().innerText();
      assert.equal(text.trimEnd(), "access = 'user••# ok•'");
      assert.match((await page.locator('.cm-specialChar').first().getAttribute('title')) ?? '', /right-to-left override/i);
    }),
  );
});

test('a file of 100,000 lines opens at its end and is scrolled through', () => {
  const program = demo();
  const body = Array.from({ length: 100_000 }, (_, i) => `x${i} = ${i}`).join('\n');
  (program.files[0] as FakeFile).text = body;
  program.know(0, Array.from({ length: 100_000 }, (_, i) => i + 1));
  return withViewer([program], (viewer) =>
    visit(browser, `${viewer.url}#/p/${ID}?file=/home/ada/app/main.py&line=99990`, {}, async (page) => {
      await shows(page, 'x99989');
      program.hit(0, 99_990, 7);
      await eventually('count', () => page.evaluate(() => window.heartrate.lines()?.[99_990]), (hits) => hits === 7);
    }),
  );
});

test('the page fits 1280 × 720 and a phone without a scroll bar of its own', () =>
  withViewer([demo()], async (viewer) => {
    for (const [width, height] of [[1280, 720], [390, 844]] as const)
      await visit(browser, viewer.url, { viewport: { width, height } }, async (page) => {
        await linesBecome(page, viewer.programs[0]?.hitsOf(0) ?? {});
        const over = await page.evaluate(() => {
          const { scrollWidth, scrollHeight, clientWidth, clientHeight } = document.documentElement;
          return [scrollWidth - clientWidth, scrollHeight - clientHeight];
        });
        assert.deepEqual(over, [0, 0]);
      });
  }));

test('on a phone files, source and stacks are one tap apart', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, { viewport: { width: 390, height: 844 }, hasTouch: true }, async (page) => {
      viewer.programs[0]?.stack(1, 'MainThread', [[1, 'square', 2, 2, 11, 16]]);
      await page.locator('.cm-line').first().waitFor();
      await page.getByRole('button', { name: 'Stacks' }).tap();
      await page.locator('.thread a').tap();
      await page.locator('.cm-line.line-target').waitFor();
      await page.getByRole('button', { name: 'Files' }).tap();
      await page.getByRole('link', { name: /main\.py/ }).tap();
      await page.locator('.cm-line', { hasText: 'def work' }).waitFor();
    }),
  ));

test('a screen reader finds the hottest lines as a table', () =>
  withViewer([demo()], (viewer) =>
    visit(browser, viewer.url, {}, async (page) => {
      const table = page.getByRole('table', { name: 'Hottest lines of this file' });
      await table.waitFor();
      const first = table.getByRole('row').nth(1);
      assert.equal(await first.getByRole('rowheader').textContent(), '6');
      assert.match((await first.textContent()) ?? '', /1,234,567.*total \+= helper\.square\(i\)/);
    }),
  ));
