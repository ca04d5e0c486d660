// access.test.ts — axe-core finds nothing to say against any state of the page, light and dark, wide and narrow.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launch, visit } from './chrome';
import { type FakeFile, FakeProgram, FakeViewer } from './fake';

const AXE = readFileSync(join(process.cwd(), 'node_modules/axe-core/axe.min.js'), 'utf8');
const ID = '00c0ffee12345678';

interface Axe {
  run(options: object): Promise<{ violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[] }>;
}

let browser: Browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser.close();
});

/** A program with all that can be seen at once: every syntax colour, lines never hit, two threads, drops, a note. */
function busy(): FakeProgram {
  const text = [
    '"""Doc."""',
    'import sys  # comment',
    '@decorator',
    'class Name(Base):',
    '    attr: int = 0x1F',
    '    def method(self, x=None):',
    "        return f'{x!r}' if x else self.attr + 1.5",
    'def never(): pass',
  ].join('\n');
  const program = new FakeProgram(ID, [
    { path: '/home/ada/app/main.py', text },
    { path: '/usr/lib/python3.14/threading.py', text: 'def run():\n    pass\n', traced: false },
  ]);
  program.start -= 10_000;
  program.know(0, [1, 2, 3, 4, 5, 6, 7, 8]);
  for (const line of [1, 2, 3, 4, 5, 6]) program.hit(0, line, line * 1000);
  program.stack(1, 'MainThread', [[0, 'method', 7, 7, 15, 22]], { since: 1 });
  program.stack(2, 'other', [[1, 'run', 1, 1, -1, -1], [0, 'method', 6, 6, 4, 10], [1, 'run', 2, 2, 4, 8]]);
  program.drops = { hits: 12 };
  program.tables = { slots: [99, 100] };
  program.notes = [['filter', 1, 'the filter raised']];
  return program;
}

const EXPECTED = /404|WebSocket|ERR_(CONNECTION|EMPTY_RESPONSE)/; // console errors that the states bring about

async function marked(page: Page): Promise<void> {
  await page.locator('.cm-line .run').first().waitFor();
}

function taken(): FakeProgram {
  const program = busy();
  program.notes = [['taken-over', 1, 'pydevd has the trace function']];
  return program;
}

function withFile(fate: Partial<FakeFile>): FakeProgram {
  const program = busy();
  Object.assign(program.files[0] as FakeFile, fate);
  return program;
}

const STATES: readonly (readonly [what: string, hash: string, programs: () => FakeProgram[], ready: (page: Page, viewer: FakeViewer) => Promise<void>])[] = [
  ['a live program', '', () => [busy()], async (page) => page.locator('.cm-line .run').first().waitFor()],
  ['a line that is pointed at', `#/p/${ID}?file=/home/ada/app/main.py&line=7`, () => [busy()], async (page) => page.locator('.line-target').waitFor()],
  ['an untraced file', `#/p/${ID}?file=/usr/lib/python3.14/threading.py`, () => [busy()], async (page) => page.getByText('Not traced').waitFor()],
  ['a killed program', '', () => [Object.assign(busy(), { state: 'dead' })], async (page) => page.getByText('Killed or crashed').waitFor()],
  ['an ended program', '', () => [Object.assign(busy(), { state: 'closed', why: 'exit', end: Date.now() })], async (page) => page.getByText('Ended').first().waitFor()],
  ['a corrupt program', '', () => [Object.assign(busy(), { state: 'corrupt', why: 'x' })], async (page) => page.getByText('Corrupt', { exact: true }).waitFor()],
  ['a program without files', '', () => [new FakeProgram(ID, [])], async (page) => page.getByText('none of its files').waitFor()],
  ['no program', '', () => [], async (page) => page.getByText('No program is being traced').waitFor()],
  ['all programs', '#/', () => [busy()], async (page) => page.locator('.cards li').waitFor()],
  ['help', '', () => [busy()], async (page) => {
    await page.locator('.cm-line .run').first().waitFor();
    await page.keyboard.press('?');
  }],
  ['search', '', () => [busy()], async (page) => {
    await page.locator('.cm-line .run').first().waitFor();
    await page.keyboard.press('Control+f');
    await page.locator('.cm-search').waitFor();
  }],
  ['the palette', '', () => [busy()], async (page) => {
    await marked(page);
    await page.keyboard.press('Control+k');
    await page.keyboard.type('e');
    await page.locator('.palette [aria-selected=true]').waitFor();
  }],
  ['settings', '', () => [busy()], async (page) => {
    await marked(page);
    await page.keyboard.press('Control+,');
    await page.getByLabel('Editor').selectOption('own');
    await page.getByRole('textbox', { name: 'URL' }).fill('http://{path}');
    await page.getByText('opens no editor').waitFor();
  }],
  ['a line’s card', `#/p/${ID}?file=/home/ada/app/main.py&line=6`, () => [busy()], async (page) => {
    await page.locator('.line-target').waitFor();
    await page.keyboard.press('i');
    await page.locator('.line-card').waitFor();
  }],
  ['one thread alone', `#/p/${ID}?thread=2`, () => [busy()], async (page) => page.getByText('Show the other 1 stack too').waitFor()],
  ['a paused program', '', () => [busy()], async (page) => {
    await marked(page);
    await page.keyboard.press('Space');
    await page.getByText('paused').first().waitFor();
  }],
  ['a span since a mark, of a line', `#/p/${ID}?file=/home/ada/app/main.py&line=5`, () => [busy()], async (page) => {
    await marked(page);
    await page.keyboard.press('m');
    await page.getByRole('button', { name: 'Forget the mark' }).waitFor();
    await page.getByText('Line 5').waitFor();
  }],
  ['two marks compared', '', () => [busy()], async (page, viewer) => {
    await marked(page);
    await page.keyboard.press('m');
    const { frames } = viewer;
    while (viewer.frames < frames + 4) await page.evaluate(() => new Promise(requestAnimationFrame));
    viewer.programs[0]?.hit(0, 4);
    await page.keyboard.press('m');
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.locator('.marks-table thead').waitFor();
  }],
  ['a flame graph', '', () => [busy()], async (page) => {
    await marked(page);
    await page.keyboard.press('v');
    await page.getByText(/Flame graph · \d+ samples/).waitFor();
  }],
  ['an idle program', '', () => [busy()], async (page) => page.getByText('idle').first().waitFor()],
  ['a program taken over', '', () => [taken()], async (page) => page.getByText('Tracing was taken over').waitFor()],
  ['a program of another container', '', () => [Object.assign(busy(), { state: 'unknown' })], async (page) => page.getByText('Another container').waitFor()],
  ['a file that changed', '', () => [withFile({ changed: true })], async (page) => page.getByText('Changed on disk').waitFor()],
  ['a file that cannot be read', '', () => [withFile({ text: null })], async (page) => page.getByText('No source').waitFor()],
  ['hrview gone', '', () => [busy()], async (page, viewer) => {
    await marked(page);
    await viewer.stop();
    await page.getByText('hrview is gone').waitFor();
  }],
  ['notes', '', () => [busy()], async (page) => page.getByText('1 note').click()],
  ['tables', '', () => [busy()], async (page) => page.getByText('slots table 99 % full').click()],
];

for (const [what, hash, programs, ready] of STATES)
  test(`${what}: axe finds nothing, light and dark, wide and narrow`, async () => {
    const viewer = new FakeViewer(join(process.cwd(), 'dist'));
    viewer.programs.push(...programs());
    await viewer.start();
    try {
      await visit(browser, viewer.url + hash, { viewport: { width: 1280, height: 800 }, bypassCSP: true, expected: EXPECTED }, async (page) => {
        await ready(page, viewer);
        await page.addScriptTag({ content: AXE });
        for (const colorScheme of ['light', 'dark'] as const)
          for (const width of [1280, 390]) {
            await page.emulateMedia({ colorScheme });
            await page.setViewportSize({ width, height: 800 });
            assert.deepEqual(await violations(page), [], `${colorScheme}, ${width} wide`);
          }
      });
    } finally {
      await viewer.stop();
    }
  });

test('with the system’s own colours, what runs, whose it is and which file is shown can still be seen', async () => {
  const viewer = new FakeViewer(join(process.cwd(), 'dist'));
  const program = busy();
  program.files.push({ path: '/home/ada/app/other.py', text: 'x = 1\n' });
  program.hit(2, 1);
  viewer.programs.push(program);
  await viewer.start();
  try {
    await visit(browser, viewer.url, { forcedColors: 'active' }, async (page) => {
      await marked(page);
      program.hit(0, 4, 1000);
      await page.locator('.time-legend i').first().waitFor();
      const painted = (selector: string): Promise<boolean> =>
        page.locator(selector).first().evaluate((it) => {
          const { backgroundColor, backgroundImage, forcedColorAdjust } = getComputedStyle(it) as CSSStyleDeclaration & { forcedColorAdjust: string };
          return forcedColorAdjust === 'none' && (backgroundColor !== 'rgba(0, 0, 0, 0)' || backgroundImage !== 'none');
        });
      for (const selector of ['.cm-line .run', '.thread .dot', '.legend i', '.time-legend i']) assert.ok(await painted(selector), selector);
      const edges = await page.locator('.files li a').evaluateAll((links) => links.map((link) => getComputedStyle(link).borderLeftColor));
      assert.equal(new Set(edges).size, 2, `the file shown has an edge of its own: ${edges.join()}`);
    });
  } finally {
    await viewer.stop();
  }
});

function violations(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: Axe };
    const found = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] });
    return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.failureSummary ?? ''}`).join(' | ')}`);
  });
}
