// real.test.ts — the whole chain: a real Python program under trace(), the real hrview, the page in a real chromium.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { eventually, launch, visit } from './chrome';
import { end, HRVIEW, PYTHON, startProgram, startViewer } from './programs';

const PROGRAM = `import sys, threading
import heartrate_shm
heartrate_shm.trace(name="chain", size=1 << 20)

def add(n):
    total = 0
    for i in range(n):
        total += i
    if total < 0:
        return 0
    return total

def wait(gate):
    gate.acquire(); "é"

gate = threading.Lock()
gate.acquire()
thread = threading.Thread(target=wait, args=(gate,), name="waiter", daemon=True)
thread.start()
for word in sys.stdin:
    add(int(word)) if word.strip().isdigit() else exec(word)
`;

interface Dump {
  readonly files: { path: string; lines: Record<string, number> }[];
}

let browser: Browser;

before(async () => {
  const { error } = spawnSync(HRVIEW, ['--version']);
  assert.equal(error, undefined, `${HRVIEW} cannot be run: ./dev build makes it`);
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

interface Chain {
  readonly script: string;
  readonly program: ChildProcess;
  readonly pid: string;
  url: string;
  /** An hrview that shows the program, or what `words` say. */
  startViewer(port: string, ...words: string[]): Promise<void>;
  stopViewer(): Promise<void>;
}

async function withChain(body: (chain: Chain) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'heartrate-page-'));
  const script = join(folder, 'chain.py');
  writeFileSync(script, PROGRAM);
  const program = await startProgram(script);
  const pid = String(program.pid);
  let viewer: ChildProcess | null = null;
  const chain: Chain = {
    script,
    program,
    pid,
    url: '',
    async startViewer(port, ...words) {
      ({ viewer, url: this.url } = await startViewer(...(words.length > 0 ? words : [pid]), '--port', port));
    },
    async stopViewer() {
      await end(viewer);
      viewer = null;
    },
  };
  try {
    await chain.startViewer('0');
    await body(chain);
  } finally {
    await end(viewer);
    await end(program);
    rmSync(folder, { recursive: true });
  }
}

/** A number is for add(), a line of Python is run. */
function say(chain: Chain, words: number | string): void {
  chain.program.stdin?.write(`${words}\n`);
}

/** The lines of add(), as sys.settrace would count them, become what `calls` of it with `n` rounds altogether make. */
async function addBecomes(page: Page, calls: number, n: number): Promise<void> {
  const want = JSON.stringify([calls, n + calls, n, calls, 0, calls]);
  await eventually('hits of add()', () => page.evaluate(() => {
    const lines = window.heartrate.lines() ?? {};
    return JSON.stringify([6, 7, 8, 9, 10, 11].map((line) => lines[line]));
  }), (lines) => lines === want);
}

test('a real program’s exact counts reach the page and follow it', () =>
  withChain((chain) =>
    visit(browser, chain.url, {}, async (page) => {
      await eventually('file', () => page.evaluate(() => window.heartrate.file()), (file) => file === chain.script);
      say(chain, 1000);
      await addBecomes(page, 1, 1000);
      say(chain, 234);
      await addBecomes(page, 2, 1234);
      const dump = JSON.parse(spawnSync(HRVIEW, ['dump', chain.pid, '--format', 'json']).stdout.toString()) as Dump;
      const dumped = dump.files.find(({ path }) => path === chain.script)?.lines; // those that were hit
      const shown = await page.evaluate(() => Object.entries(window.heartrate.lines() ?? {}).filter(([, hits]) => hits > 0));
      assert.deepEqual(Object.fromEntries(shown), dumped);
    }),
  ));

test('a mark leaves what a real program does from then on', () =>
  withChain((chain) =>
    visit(browser, chain.url, {}, async (page) => {
      say(chain, 1000);
      await addBecomes(page, 1, 1000);
      await page.keyboard.press('m');
      await addBecomes(page, 0, 0);
      say(chain, 7);
      await addBecomes(page, 1, 7);
      await page.keyboard.press('l');
      await addBecomes(page, 2, 1007);
    }),
  ));

test('real stacks: every thread, its statement, what it waits for', () =>
  withChain((chain) =>
    visit(browser, chain.url, {}, async (page) => {
      const waiter = page.locator('.thread', { hasText: 'waiter' });
      const innermost = waiter.locator('li.innermost');
      await eventually('statement', () => innermost.locator('code').allTextContents(), (t) => t.join() === 'gate.acquire(); "é"');
      assert.equal(await innermost.locator('.where').textContent(), 'chain.py:14');
      const main = page.locator('.thread', { hasText: 'MainThread' });
      await eventually('main', () => main.locator('li.innermost .where').allTextContents(), (t) => t.join() === 'chain.py:20');
      await innermost.locator('a').click();
      await eventually('target', () => page.locator('.line-target').allTextContents(), (t) => t.join().includes('gate.acquire()'));
      const marks = await page.locator('.line-target .run').allTextContents();
      assert.equal(marks.length, 1);
      assert.match(marks[0] ?? '', /^gate\.acquire\(\)/);
    }),
  ));

test('a killed program is told as such, with its last counts', () =>
  withChain((chain) =>
    visit(browser, chain.url, {}, async (page) => {
      say(chain, 77);
      await addBecomes(page, 1, 77);
      await end(chain.program);
      await page.getByText('Killed or crashed').waitFor();
      await addBecomes(page, 1, 77);
    }),
  ));

test('a program that ends well is told as such, with its final counts', () =>
  withChain((chain) =>
    visit(browser, chain.url, {}, async (page) => {
      say(chain, 5);
      chain.program.stdin?.end();
      await page.getByText('The program has ended').waitFor();
      await addBecomes(page, 1, 5);
    }),
  ));

test('hrview comes and goes, the page stays', () =>
  withChain((chain) =>
    visit(browser, chain.url, { expected: /WebSocket|ERR_(CONNECTION|EMPTY_RESPONSE)/ }, async (page) => {
      say(chain, 10);
      await addBecomes(page, 1, 10);
      await chain.stopViewer();
      await page.getByText('hrview is gone').waitFor();
      say(chain, 10);
      await addBecomes(page, 1, 10);
      await chain.startViewer(new URL(chain.url).port);
      await addBecomes(page, 2, 20);
    }),
  ));

test('a file that is changed on disk is not taken for the one that runs', () =>
  withChain(async (chain) => {
    writeFileSync(chain.script, '# another text\n');
    await visit(browser, chain.url, {}, async (page) => {
      await page.getByText('This text is not the one that runs').waitFor();
    });
  }));

test('a program that rests is called idle, until it goes on', () =>
  withChain((chain) =>
    visit(browser, chain.url, {}, async (page) => {
      say(chain, 3);
      await addBecomes(page, 1, 3);
      await page.locator('.pill.idle').waitFor();
      await page.getByText(/^no hit for /).waitFor();
      say(chain, 4);
      await page.locator('.pill.live').waitFor();
      await addBecomes(page, 2, 7);
    }),
  ));

test('a debugger takes the trace function of Pythons that have only one, and gives it back', () =>
  withChain((chain) =>
    visit(browser, chain.url, {}, async (page) => {
      const version = spawnSync(PYTHON, ['-c', 'import sys; print(sys.version_info >= (3, 12))']).stdout.toString().trim();
      const words = page.locator('.message', { hasText: 'Tracing was taken over' });
      say(chain, 5);
      await addBecomes(page, 1, 5);
      say(chain, 'sys.settrace(lambda *_: None)');
      if (version === 'True') {
        say(chain, 6); // counted beside it
        await addBecomes(page, 2, 11);
        assert.equal(await words.count(), 0);
        return;
      }
      await words.waitFor();
      say(chain, 6);
      say(chain, 'sys.settrace(None)');
      await words.waitFor({ state: 'detached' });
      say(chain, 7);
      await addBecomes(page, 2, 12); // all but what ran meanwhile
    }),
  ));

test('what finds no room in the segment is counted and told', () =>
  withChain((chain) =>
    visit(browser, chain.url, {}, async (page) => {
      say(chain, 'for i in range(9000): exec(compile(f"def f{i}(): return {i}\\nf{i}()", __file__, "exec"))');
      await page.locator('.health').getByText(/functions not counted: a table or [/]dev[/]shm is full/).waitFor();
    }),
  ));

test('a segment that is damaged is called corrupt, with what is wrong', () =>
  withChain(async (chain) => {
    await end(chain.program);
    const name = readdirSync('/dev/shm').find((one) => one.startsWith('heartrate_shm.') && one.split('.')[2] === chain.pid);
    const segment = openSync(join('/dev/shm', name ?? 'no segment'), 'r+');
    writeSync(segment, Buffer.alloc(8), 0, 8, 0);
    closeSync(segment);
    await visit(browser, chain.url, {}, async (page) => {
      await page.locator('.message', { hasText: 'Corrupt' }).getByText('cannot be trusted').waitFor();
    });
  }));

test('a source that cannot be read is said, and its counts are shown without it', () =>
  withChain(async (chain) => {
    rmSync(chain.script);
    await visit(browser, chain.url, { expected: /404/ }, async (page) => {
      await page.locator('.message', { hasText: 'No source' }).getByText('Counts are shown without it').waitFor();
      say(chain, 8);
      await addBecomes(page, 1, 8);
    });
  }));

test('an hrview that comes back and wants a token says so on the page that is open', () =>
  withChain((chain) =>
    visit(browser, chain.url, { expected: /WebSocket|401|ERR_(CONNECTION|EMPTY_RESPONSE)/ }, async (page) => {
      say(chain, 9);
      await addBecomes(page, 1, 9);
      await chain.stopViewer();
      await chain.startViewer(new URL(chain.url).port, chain.pid, '--host', '0.0.0.0', '--token', 'a-word-of-ours');
      await page.locator('.message', { hasText: 'A token is needed' }).waitFor();
      await addBecomes(page, 1, 9);
    }),
  ));

test('a recording shows the counts of every moment, when program and source are gone', () =>
  withChain(async (chain) => {
    const file = join(dirname(chain.script), 'chain.hrrec');
    const recorder = spawn(HRVIEW, ['record', chain.pid, '-o', file], { stdio: 'ignore' });
    try {
      // A frame at least with each count: the file grows by a whole frame after it was there.
      const size = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      const grows = async (): Promise<void> => {
        for (let i = 0, before = size(); i < 2; i++, before = size())
          await eventually('frames', async () => size(), (now) => now > before);
      };
      const counted = (calls: number): Promise<unknown> => eventually('hits of the call', async () => {
        const { files } = JSON.parse(spawnSync(HRVIEW, ['dump', chain.pid, '--format', 'json']).stdout.toString()) as Dump;
        return files.find(({ path }) => path === chain.script)?.lines['11'];
      }, (hits) => hits === calls);
      await grows();
      say(chain, 10);
      await counted(1);
      await grows();
      say(chain, 20);
      await counted(2);
      chain.program.stdin?.end();
      if (recorder.exitCode === null) await once(recorder, 'exit');
      assert.equal(recorder.exitCode, 0);
      await chain.stopViewer();
      rmSync(chain.script);
      await chain.startViewer('0', 'replay', file);
      await visit(browser, chain.url, {}, async (page) => {
        await page.locator('.pill.recording').waitFor();
        await page.locator('.message', { hasText: 'loading,' }).waitFor({ state: 'detached' });
        await addBecomes(page, 2, 30);
        await page.getByText('for word in sys.stdin').first().waitFor();
        await page.getByLabel('Moment shown').focus();
        await page.keyboard.press('Home');
        await addBecomes(page, 0, 0);
        // Two animation frames after a key its step is surely drawn.
        const drawn = (): Promise<unknown> => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
        const calls = async (): Promise<number> => {
          await drawn();
          return page.evaluate(() => window.heartrate.lines()?.[11] ?? -1);
        };
        while ((await calls()) === 0) await page.keyboard.press('.');
        await addBecomes(page, 1, 10);
        await page.getByLabel('Speed').selectOption('100');
        await page.keyboard.press('k');
        await addBecomes(page, 2, 30);
      });
    } finally {
      await end(recorder);
    }
  }));
