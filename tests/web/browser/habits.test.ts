// habits.test.ts — what a reader does with a long file: hide what is cold, follow, jump by the minimap, see time.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { eventually, launch, visit } from './chrome';
import { FakeProgram, FakeViewer } from './fake';

const LINES = 400;
let browser: Browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser.close();
});

/** 400 lines that can be hit; 10 and 300 have been. */
async function withLongFile(body: (page: Page, program: FakeProgram) => Promise<void>): Promise<void> {
  const text = Array.from({ length: LINES }, (_, i) => `value_${i + 1} = ${i + 1}`).join('\n');
  const program = new FakeProgram('00c0ffee12345678', [{ path: '/a/long.py', text }, { path: '/a/other.py', text: 'x = 1\n' }, { path: '<exec>', text: 'y = 2\n', disk: false }]);
  program.know(0, Array.from({ length: LINES }, (_, i) => i + 1));
  program.hit(0, 10, 5);
  program.hit(0, 300, 50);
  const viewer = new FakeViewer(join(process.cwd(), 'dist'));
  viewer.programs.push(program);
  await viewer.start();
  try {
    await visit(browser, viewer.url, {}, async (page) => {
      await eventually('counts', () => page.evaluate(() => window.heartrate.lines()?.[300]), (hits) => hits === 50);
      await body(page, program);
    });
  } finally {
    await viewer.stop();
  }
}

const visibleLines = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const box = document.querySelector('.cm-scroller')?.getBoundingClientRect();
    const inside = [...document.querySelectorAll('.cm-line, .cm-content > .cold-row')].filter((line) => {
      const { top, bottom } = line.getBoundingClientRect();
      return box !== undefined && top >= box.top - 1 && bottom <= box.bottom + 1;
    });
    return inside.map((line) => line.textContent ?? '');
  });

test('c hides what was not hit, a first hit shows its line, c shows all again', () =>
  withLongFile(async (page, program) => {
    await page.keyboard.press('c');
    const folded = ['9 lines not hit', 'value_10 = 10', '289 lines not hit', 'value_300 = 300', '100 lines not hit'];
    await eventually('folded', () => visibleLines(page), (lines) => lines.join() === folded.join());
    program.hit(0, 200);
    await eventually('a hit', () => visibleLines(page), (lines) => lines.includes('value_200 = 200'));
    await page.keyboard.press('c');
    await eventually('all', () => visibleLines(page), (lines) => lines[1] === 'value_2 = 2');
  }));

test('keys scroll the source though nothing has the focus, and after a search too', () =>
  withLongFile(async (page) => {
    const first = async (): Promise<number> => Number(/\d+/.exec((await visibleLines(page))[0] ?? '')?.[0]);
    await page.keyboard.press('PageDown');
    await eventually('a page further', first, (line) => line > 5);
    await page.keyboard.press('Control+f');
    await page.getByRole('textbox', { name: 'Find' }).waitFor();
    await page.keyboard.type('value_300 ');
    await page.keyboard.press('Enter');
    await eventually('found', () => visibleLines(page), (lines) => lines.some((line) => line.startsWith('value_300 ')));
    const found = await first();
    await page.keyboard.press('Escape');
    await page.keyboard.press('PageDown');
    await eventually('a page further', first, (line) => line > found + 5);
  }));

test('keys scroll a long list of programs', async () => {
  const viewer = new FakeViewer(join(process.cwd(), 'dist'));
  for (let i = 0; i < 30; i++) viewer.programs.push(new FakeProgram(`00c0ffee123456${String(i).padStart(2, '0')}`, []));
  await viewer.start();
  try {
    await visit(browser, `${viewer.url}#/`, {}, async (page) => {
      await page.locator('.cards li').nth(29).waitFor();
      await page.keyboard.press('PageDown');
      await eventually('scrolled', () => page.locator('.home').evaluate((home) => home.scrollTop), (top) => top > 100);
    });
  } finally {
    await viewer.stop();
  }
});

test('f follows the running line within a file and into another; scrolling ends it', () =>
  withLongFile(async (page, program) => {
    await page.keyboard.press('f');
    program.stack(1, 'MainThread', [[0, 'f', 250, 250, -1, -1]]);
    await eventually('followed', () => visibleLines(page), (lines) => lines.includes('value_250 = 250'));
    program.stack(1, 'MainThread', [[0, 'f', 250, 250, -1, -1], [1, 'g', 1, 1, -1, -1]]);
    await eventually('other file', () => page.evaluate(() => window.heartrate.file()), (file) => file === '/a/other.py');
    const follow = page.getByRole('button', { name: 'Follow the running line (f)' });
    assert.equal(await follow.getAttribute('aria-pressed'), 'true');
    await page.locator('.cm-scroller').hover();
    await page.mouse.wheel(0, 10);
    await eventually('off', () => follow.getAttribute('aria-pressed'), (pressed) => pressed === 'false');
  }));

test('a click into the minimap goes there', () =>
  withLongFile(async (page) => {
    const box = await page.locator('.minimap').boundingBox();
    assert.ok(box !== null);
    await page.mouse.click(box.x + 20, box.y + (box.height * 299) / LINES);
    await eventually('there', () => visibleLines(page), (lines) => lines.includes('value_300 = 300'));
  }));

test('s tells the share of time with its number of samples, and is remembered', () =>
  withLongFile(async (page, program) => {
    program.stack(1, 'MainThread', [[0, 'f', 10, 10, -1, -1]]);
    const width = (): Promise<number> => page.locator('.strip').evaluate((strip) => strip.clientWidth);
    const narrow = await width();
    await page.keyboard.press('s');
    await page.getByText(/time estimated from [1-9][\d,]* samples/).waitFor();
    await eventually('column', width, (wide) => wide > narrow);
    await page.reload();
    await page.getByText(/time estimated from/).waitFor();
  }));

test('pointing at a line tells its numbers in full', () =>
  withLongFile(async (page) => {
    const line = await page.locator('.cm-line', { hasText: 'value_10 =' }).boundingBox();
    const strip = await page.locator('.strip').boundingBox();
    assert.ok(line !== null && strip !== null);
    const card = page.locator('.line-card');
    await page.mouse.move(strip.x + 40, line.y + line.height / 2);
    await card.getByText('5 hits').waitFor();
    assert.match(await card.innerText(), /Line 10[^]*Share of file\s+9\.1 %[^]*Last hit\s+\S/);
    await page.mouse.move(strip.x + 40, line.y + line.height * 1.5);
    await card.getByText('can be hit, never was').waitFor();
    await page.mouse.move(line.x + line.width / 2, line.y + line.height / 2);
    await card.getByText('5 hits').waitFor(); // over the text, after a rest
    await page.mouse.move(1, 1);
    await card.waitFor({ state: 'hidden' });
    await page.keyboard.press('n');
    await page.keyboard.press('i');
    await card.getByText('Line 10').waitFor();
  }));

test('y copies file:line, e opens it in an editor; only what is a file can be opened', () =>
  withLongFile(async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const program = await page.evaluate(() => window.heartrate.program());
    await page.goto(`${page.url().split('#')[0]}#/p/${program}?file=/a/long.py&line=300`);
    const link = page.getByRole('link', { name: 'Open in VS Code (e)' });
    await eventually('link', () => link.getAttribute('href'), (href) => href === 'vscode://file/a/long.py:300');
    await page.keyboard.press('y');
    await page.getByText('copied', { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), '/a/long.py:300');
    // The browser of the tests has no editor to open.
    await page.evaluate(() => {
      document.addEventListener('click', (event) => {
        event.preventDefault();
        document.documentElement.dataset['opened'] = (event.target as HTMLElement).closest('a')?.href ?? '';
      });
    });
    await page.keyboard.press('e');
    await eventually('opened', () => page.evaluate(() => document.documentElement.dataset['opened']), (href) => href === 'vscode://file/a/long.py:300');
    await page.evaluate(() => (location.hash = location.hash.replace(/file=.*/, 'file=%3Cexec%3E')));
    await link.waitFor({ state: 'hidden' });
    await page.keyboard.press('e');
    await page.getByText('not a file on disk').waitFor();
  }));
