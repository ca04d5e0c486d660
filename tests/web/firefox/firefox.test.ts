// firefox.test.ts — the page in Debian's firefox-esr, driven by WebDriver BiDi: what could be otherwise there is looked at.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { eventually } from '../browser/chrome';
import { DEMO, Demo } from '../browser/demo';

const FIREFOX = process.env['FIREFOX'] ?? '/usr/bin/firefox-esr';
const DEADLINE_MS = 60_000; // it starts slowly on a busy machine

let browser: Browser;
let demo: Demo;
let page: Page;
const wrong: string[] = [];

before(async () => {
  assert.ok(existsSync(FIREFOX), `${FIREFOX} is not there: ./dev test installs firefox-esr`);
  demo = await Demo.start();
  browser = await puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true, timeout: DEADLINE_MS, protocolTimeout: DEADLINE_MS });
  page = await browser.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  await page.setViewport({ width: 1280, height: 720 });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') wrong.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(demo.url) && !request.url().startsWith('data:')) wrong.push(`external request: ${request.url()}`);
  });
  await page.goto(`${demo.url}#/`);
});
after(async () => {
  await browser?.close();
  await demo?.end();
});

const total = (): Promise<number> => page.evaluate(() => Object.values(window.heartrate.lines() ?? {}).reduce((a, b) => a + b, 0));

test('a card leads to the program, whose counts move', async () => {
  await page.waitForSelector('.cards a');
  await page.click('.cards a');
  await page.waitForSelector('.cm-line');
  await page.keyboard.down('Control');
  await page.keyboard.press('k');
  await page.keyboard.up('Control');
  await page.keyboard.type('mandelbrot');
  await page.waitForSelector('.palette [aria-selected=true]');
  await page.keyboard.press('Enter');
  await eventually('file', () => page.evaluate(() => window.heartrate.file()), (file) => file === join(DEMO, 'mandelbrot.py'));
  const first = await eventually('counts', total, (hits) => hits > 0);
  await eventually('more', total, (hits) => hits > first);
});

test('the strip has bars, the text has colours, the stacks have statements', async () => {
  await eventually('ink', () => page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('.strip-canvas');
    const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let ink = 0;
    for (let i = 3; i < data.length; i += 4) if ((data[i] as number) > 0) ink++;
    return ink;
  }), (ink) => ink > 1000);
  await page.waitForSelector('.cm-line .tok-keyword');
  await page.waitForSelector('.thread li.innermost code');
  await eventually('running', () => page.evaluate(() => document.querySelectorAll('.thread mark.run, .cm-line .run').length), (marks) => marks > 0);
});

test('pause freezes, keys and reload work, nothing is reported', async () => {
  await page.keyboard.press(' ');
  await eventually('paused', () => page.evaluate(() => window.heartrate.paused()), Boolean);
  const frozen = await total();
  assert.equal(await total(), frozen);
  await page.keyboard.press(' ');
  await eventually('more', total, (hits) => hits > frozen);
  await page.keyboard.press('h');
  await eventually('line', async () => page.url(), (url) => /mandelbrot\.py&line=\d+/.test(url));
  await page.reload();
  await page.waitForSelector('.line-target');
  assert.deepEqual(wrong, []);
});
