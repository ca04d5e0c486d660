// golden.test.ts — the page's picture at three sizes, light and dark, against pictures that a person has looked at.
// `./dev test --update-golden` takes them anew; look at them before they are committed.
//
// What is drawn is the same each time: a make-believe program, a clock that goes by steps, fonts that are brought along.
// Chromium's versions draw the same letters a little differently, so squares of 8 × 8 pixels are compared by their mean
// colour, and a few may differ.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { eventually, launch, visit } from './chrome';
import { FakeProgram, FakeViewer } from './fake';

const ROOT = join(process.cwd(), '..');
const GOLDEN = join(ROOT, 'tests/golden/page');
const FOUND = join(ROOT, 'build/golden'); // what was seen where it differs
const FONTS = join(process.cwd(), 'node_modules/dejavu-fonts-ttf/ttf');
const UPDATE = process.env['HR_UPDATE_GOLDEN'] === '1';

const ID = '00c0ffee12345678';
const STEP_MS = 50;
const STEPS = 30;
const SQUARE = 8;
const FAR = 24; // of 255: a square whose mean colour is so far off is another picture
const MAY_DIFFER = 0.015; // of all squares

const SIZES = [
  ['laptop', 1280, 720],
  ['phone', 390, 844],
  ['screen', 1920, 1080],
] as const;

let browser: Browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

/** A program that goes by steps. */
class Steps extends FakeProgram {
  at = 61_000;
  override get tick(): number {
    return this.at;
  }
}

function program(): Steps {
  const lexer = readFileSync(join(ROOT, 'tests/programs/demo/lexer.py'), 'utf8');
  const made = new Steps(ID, [
    { path: '/home/ada/reader/lexer.py', text: lexer },
    { path: '/home/ada/reader/main.py', text: 'import lexer\n\nfor token in lexer.read():\n    print(token)\n' },
    { path: '/home/ada/.venv/lib/python3.14/site-packages/attr/_make.py', text: 'x = 1\n' },
    { path: '/usr/lib/python3.14/threading.py', text: 'def run(self):\n    self._target()\n', traced: false },
  ]);
  made.start = Date.now() - (3 * 3600 + 12 * 60 + 30) * 1000;
  made.name = 'reader';
  const code = lexer.split('\n').flatMap((line, i) => (/^\s*($|#|else:|"""|\))/.test(line) ? [] : [i + 1]));
  made.know(0, code);
  for (const line of code) if (line % 7 !== 3) made.hit(0, line, 1 + ((line * 7919) % 1000) * (line % 5 === 0 ? 900 : 3));
  made.hit(1, 3, 5021);
  made.hit(2, 1, 12);
  made.stack(1, 'MainThread', [[1, '<module>', 3, 3, 13, 25], [0, 'Lexer.tokens', 42, 42, 22, 35]], { since: 60_990 });
  made.stack(2, 'waiter', [[3, 'run', 2, 2, 4, 18], [0, 'Lexer.word', 62, 62, 16, 40]], { since: 40_000, state: 'sleeping' });
  return made;
}

/** Steps on, hit by hit, and waits each time until the page has got it. */
async function run(page: Page, made: Steps): Promise<void> {
  for (let step = 1; step <= STEPS; step++) {
    made.at += STEP_MS;
    for (const line of step < STEPS / 2 ? [31, 32, 33] : [32, 52, 53]) made.hit(0, line, 400);
    const want = made.hitsOf(0)[32];
    await page.clock.runFor(STEP_MS);
    await eventually('a step', () => page.evaluate(() => window.heartrate.lines()?.[32]), (hits) => hits === want);
  }
  await page.clock.runFor(300); // bars have come to their lengths
}

async function bringFonts(page: Page): Promise<void> {
  const face = (name: string, file: string, weight: string): string =>
    `@font-face{font-family:'${name}';font-weight:${weight};src:url(data:font/ttf;base64,${readFileSync(join(FONTS, file)).toString('base64')})}`;
  const faces = [face('Golden Sans', 'DejaVuSans.ttf', '400'), face('Golden Sans', 'DejaVuSans-Bold.ttf', '600 700'), face('Golden Mono', 'DejaVuSansMono.ttf', '400')];
  await page.addStyleTag({ content: `${faces.join('')}:root{--mono:'Golden Mono';--sans:'Golden Sans'}` });
  await page.evaluate(() => Promise.all([...document.fonts].map((font) => font.load())).then(() => undefined));
}

/** The share of squares that differ; a picture of another size differs altogether. */
function difference(page: Page, one: Buffer, other: Buffer): Promise<number> {
  const urls = [one, other].map((png) => `data:image/png;base64,${png.toString('base64')}`);
  return page.evaluate(async ([pictures, square, far]) => {
    const means = await Promise.all(pictures.map(async (url) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      const canvas = document.createElement('canvas');
      canvas.width = image.width;
      canvas.height = image.height;
      const pen = canvas.getContext('2d') as CanvasRenderingContext2D;
      pen.drawImage(image, 0, 0);
      const { data } = pen.getImageData(0, 0, image.width, image.height);
      const [across, down] = [Math.floor(image.width / square), Math.floor(image.height / square)];
      const sums = new Float64Array(across * down * 3);
      for (let y = 0; y < down * square; y++)
        for (let x = 0; x < across * square; x++)
          for (let c = 0; c < 3; c++) {
            const cell = (Math.floor(y / square) * across + Math.floor(x / square)) * 3 + c;
            sums[cell] = (sums[cell] as number) + (data[(y * image.width + x) * 4 + c] as number) / square ** 2;
          }
      return { sums, width: image.width, height: image.height };
    }));
    const [a, b] = means;
    if (a === undefined || b === undefined || a.width !== b.width || a.height !== b.height) return 1;
    let wrong = 0;
    for (let cell = 0; cell < a.sums.length; cell += 3)
      if ([0, 1, 2].some((c) => Math.abs((a.sums[cell + c] as number) - (b.sums[cell + c] as number)) > far)) wrong++;
    return (wrong * 3) / a.sums.length;
  }, [urls, SQUARE, FAR] as const);
}

for (const colorScheme of ['light', 'dark'] as const)
  test(`the page looks as it did, ${colorScheme}`, async () => {
    const viewer = new FakeViewer(join(process.cwd(), 'dist'));
    const made = program();
    viewer.programs.push(made);
    await viewer.start();
    try {
      const url = `${viewer.url}#/p/${ID}?file=/home/ada/reader/lexer.py&line=42`;
      const wrong: string[] = [];
      const prepare = (page: Page): Promise<void> => page.clock.install();
      await visit(browser, url, { colorScheme, bypassCSP: true, prepare }, async (page) => {
        await page.clock.pauseAt(Date.now() + 3_600_000);
        await page.clock.runFor(1000);
        await page.locator('.line-target').waitFor();
        await bringFonts(page);
        await run(page, made);
        for (const [size, width, height] of SIZES) {
          await page.setViewportSize({ width, height });
          await page.clock.runFor(100);
          await page.locator('.cm-scroller').evaluate((scroller) => scroller.scrollTo(0, 500));
          await page.clock.runFor(300);
          const seen = await page.screenshot();
          const name = `${size}-${colorScheme}.png`;
          const path = join(GOLDEN, name);
          if (UPDATE) {
            mkdirSync(GOLDEN, { recursive: true });
            writeFileSync(path, seen);
            continue;
          }
          assert.ok(existsSync(path), `${path} is not there: ./dev test --update-golden makes it`);
          const share = await difference(page, readFileSync(path), seen);
          if (share <= MAY_DIFFER) continue;
          mkdirSync(FOUND, { recursive: true });
          writeFileSync(join(FOUND, name), seen);
          wrong.push(`${name}: ${(share * 100).toFixed(1)} % of it differ; what was seen is build/golden/${name}`);
        }
      });
      assert.deepEqual(wrong, []);
    } finally {
      await viewer.stop();
    }
  });
