// demo.test.ts — the page as an instrument on a real program, the demo's: everything that a reader reaches for.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { eventually, launch, visit } from './chrome';
import { DEMO, Demo } from './demo';

let browser: Browser;
let demo: Demo;

before(async () => {
  demo = await Demo.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await demo?.end();
});

const shownFile = (page: Page): Promise<string | null> => page.evaluate(() => window.heartrate.file());

/** Opens the palette and types. */
async function ask(page: Page, words: string): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.keyboard.type(words);
}

test('the palette goes to a file, a line, a thread, and runs commands', () =>
  visit(browser, demo.url, {}, async (page) => {
    await page.locator('.thread').nth(2).waitFor();
    await ask(page, 'lexer');
    await page.locator('.palette [aria-selected=true]', { hasText: 'lexer.py' }).waitFor();
    await page.keyboard.press('Enter');
    await eventually('file', () => shownFile(page), (file) => file === join(DEMO, 'lexer.py'));
    await ask(page, '31');
    await page.keyboard.press('Enter');
    await page.locator('.line-target', { hasText: 'while self.at < end' }).waitFor();
    assert.match(page.url(), /lexer\.py&line=31$/);
    await ask(page, 'painter');
    await page.keyboard.press('Enter');
    await eventually('alone', () => page.locator('.thread h3 button').allTextContents(), (names) => names.join() === 'painter');
    assert.match(page.url(), /thread=\d+$/);
    await page.reload(); // the URL says it all
    await page.locator('.line-target', { hasText: 'while self.at < end' }).waitFor();
    await eventually('alone', () => page.locator('.thread h3 button').allTextContents(), (names) => names.join() === 'painter');
    await page.getByRole('button', { name: 'Show the other 2 stacks too' }).click();
    await page.locator('.thread').nth(2).waitFor();
    await ask(page, 'pause');
    await page.keyboard.press('Enter');
    await eventually('paused', () => page.evaluate(() => window.heartrate.paused()), Boolean);
    await ask(page, 'no such thing anywhere');
    await page.getByText('Nothing is called so.').waitFor();
  }));

test('everything can be done by keys that help names, and by the palette', () =>
  visit(browser, demo.url, {}, async (page) => {
    await page.locator('.cm-line').first().waitFor();
    await page.keyboard.press('?');
    const keys = await page.locator('.help dt').evaluateAll((found) => found.map((dt) => dt.textContent ?? ''));
    for (const key of ['/', 'h', 'n', 'p', 'f', 'F', 'c', 's', 'Space', 'y', 'e', 'i', 't', '?', 'g', 'CtrlK', 'CtrlF']) assert.ok(keys.includes(key), `${key} in ${keys.join()}`);
    assert.equal(new Set(keys).size, keys.length, 'no key does two things');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Go to…' }).click();
    await page.getByRole('option', { name: 'Follow the running line' }).click();
    await eventually('following', () => page.locator('.tool.on').count(), (on) => on === 1);
  }));

test('F follows the hottest line, from the list of programs on', () =>
  visit(browser, `${demo.url}#/`, {}, async (page) => {
    await eventually('a pulse', () => page.locator('.cards .rate').first().innerText(), (words) => words.endsWith('/s'));
    await page.keyboard.press('F');
    const files = ['mandelbrot.py', 'go.py', 'lexer.py'].map((name) => join(DEMO, name));
    await eventually('a hot file', () => shownFile(page), (file) => files.includes(file ?? ''));
    await page.getByRole('button', { name: 'Following the hottest line (F)' }).waitFor();
  }));

test('the list of programs is searched', () =>
  visit(browser, `${demo.url}#/`, {}, async (page) => {
    await page.locator('.cards li').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('no such program');
    await page.getByText('No program matches.').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.type('demo live');
    await page.keyboard.press('Enter');
    await page.locator('.cm-line').first().waitFor();
  }));

test('the editor is the reader’s choice, and is remembered', () =>
  visit(browser, demo.url, {}, async (page) => {
    const link = page.locator('.file-tools a');
    await eventually('link', () => link.getAttribute('href'), (href) => href?.startsWith('vscode://file/') === true);
    await page.keyboard.press('Control+,');
    await page.getByLabel('Editor').selectOption('PyCharm');
    await page.keyboard.press('Escape');
    await eventually('link', () => link.getAttribute('href'), (href) => href === `pycharm://open?file=${join(DEMO, 'main.py')}&line=1`);
    await page.reload();
    await eventually('kept', () => link.getAttribute('aria-label'), (label) => label === 'Open in PyCharm (e)');
    await page.keyboard.press('Control+,');
    await page.getByLabel('Editor').selectOption('Another, by its URL');
    await page.getByRole('textbox', { name: 'URL' }).fill('javascript:alert(1)//{path}');
    await page.getByText('opens no editor').waitFor();
    await page.getByRole('textbox', { name: 'URL' }).fill('mine:{path}@{line}');
    await eventually('link', () => link.getAttribute('href'), (href) => href === `mine:${join(DEMO, 'main.py')}@1`);
  }));

test('the layout is remembered', () =>
  visit(browser, demo.url, {}, async (page) => {
    const size = async (part: string): Promise<number> => {
      const box = await page.locator(part).boundingBox();
      return part === '.files' ? (box?.width ?? 0) : (box?.height ?? 0);
    };
    await page.locator('.thread').first().waitFor();
    const before = { files: await size('.files'), stacks: await size('.stacks') };
    for (const [name, key] of [['Width of the files', 'ArrowRight'], ['Height of the stacks', 'ArrowUp']] as const) {
      await page.getByRole('separator', { name }).focus();
      await page.keyboard.press(key);
      await page.keyboard.press(key);
    }
    const after = { files: await size('.files'), stacks: await size('.stacks') };
    assert.ok(after.files > before.files && after.stacks > before.stacks, JSON.stringify({ before, after }));
    await page.reload();
    await page.locator('.thread').first().waitFor();
    await eventually('files', () => size('.files'), (width) => Math.abs(width - after.files) < 2);
    await eventually('stacks', () => size('.stacks'), (height) => Math.abs(height - after.stacks) < 2);
  }));

test('a card tells all about the line that is pointed at', () =>
  visit(browser, demo.url, {}, async (page) => {
    await page.locator('.thread').first().waitFor();
    await ask(page, 'mandelbrot');
    await page.keyboard.press('Enter');
    await eventually('file', () => shownFile(page), (file) => file === join(DEMO, 'mandelbrot.py'));
    await page.keyboard.press('h');
    await page.keyboard.press('i');
    const card = page.locator('.line-card');
    await eventually('figures', () => card.innerText(), (text) =>
      /^Line \d+\s+[\d,]+ hits\s+Hits\/s\s+[\d.]+[kM]?\s+Share of file\s+\d+ %\s+Last hit\s+.*\s+Time\s+about [\d.< ]+ % \([\d,]+ samples\)/.test(text));
  }));
