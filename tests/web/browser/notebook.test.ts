// notebook.test.ts — %%heartrate in a real JupyterLab: the page below the cell, while the cell runs and when it has ended.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Frame, Page } from 'playwright-core';
import { eventually, launch } from './chrome';
import { end, environment, HRVIEW, PYTHON, ROOT } from './programs';

const PICTURE = join(ROOT, 'build/notebook.png'); // of the page while the cell runs, or where the test failed
const NAME = `cells-${process.pid}.ipynb`;
const BODY = `import os, time
total = 0
for n in range(1000):
    total += twice(n)
while not os.path.exists("enough"):
    time.sleep(0.02)
total`.split('\n');
const CELLS = ['%load_ext heartrate_shm', 'def twice(n):\n    return 2 * n', ['%%heartrate', ...BODY].join('\n')];

interface Dump {
  readonly files: { path: string; lines: Record<string, number> }[];
}

let browser: Browser;
let folder: string;
let lab: ChildProcess;
let url: string;

before(async () => {
  const python = execFileSync(PYTHON, [join(ROOT, 'tests/interpreters.py'), PYTHON, 'jupyterlab'], { encoding: 'utf8' }).trim();
  folder = mkdtempSync(join(tmpdir(), 'heartrate-notebook-'));
  const cell = (source: string, i: number): object =>
    ({ cell_type: 'code', id: `cell-${i}`, execution_count: null, metadata: {}, outputs: [], source });
  const kernel = { name: 'python3', display_name: 'Python 3', language: 'python' };
  const notebook = { cells: CELLS.map(cell), metadata: { kernelspec: kernel }, nbformat: 4, nbformat_minor: 5 };
  writeFileSync(join(folder, NAME), JSON.stringify(notebook));
  const own = Object.fromEntries(['JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_RUNTIME_DIR', 'IPYTHONDIR', 'JUPYTERLAB_SETTINGS_DIR',
    'JUPYTERLAB_WORKSPACES_DIR'].map((name) => [name, join(folder, '.own', name)]));
  const options = ['--no-browser', '--ServerApp.ip=127.0.0.1', '--ServerApp.port=0', '--ServerApp.allow_root=True',
    '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate', `--ServerApp.root_dir=${folder}`];
  lab = spawn(python, ['-m', 'jupyterlab', ...options], { cwd: folder, stdio: 'ignore', env: environment(own) });
  const about = join(folder, '.own/JUPYTER_RUNTIME_DIR', `jpserver-${lab.pid}.json`);
  await eventually('JupyterLab', async () => existsSync(about) && readFileSync(about, 'utf8').trimEnd().endsWith('}'), Boolean);
  const { port, token } = JSON.parse(readFileSync(about, 'utf8')) as { port: number; token: string };
  url = `http://127.0.0.1:${port}/lab/tree/${NAME}?token=${token}`;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  if (lab !== undefined) {
    lab.kill('SIGTERM'); // it ends the kernel, and the kernel's end ends hrview
    await eventually('the end of JupyterLab', async () => lab.exitCode ?? lab.signalCode, (how) => how !== null).finally(() => end(lab));
  }
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

/** Hits of the lines that were hit of the file shown. */
async function hits(frame: Frame): Promise<Record<string, number>> {
  const lines = await frame.evaluate(() => window.heartrate?.lines() ?? {});
  return Object.fromEntries(Object.entries(lines).filter(([, count]) => count > 0));
}

/** A cell run as a person does it. */
async function runCell(page: Page, number: number): Promise<void> {
  await page.locator('.jp-CodeCell .cm-content').nth(number).click();
  await page.keyboard.press('Shift+Enter');
}

test('the heat of a cell stands below it, live', async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  page.setDefaultTimeout(60_000);
  try {
    await page.goto(url);
    await page.getByText('Python 3 (ipykernel) | Idle').waitFor(); // before, JupyterLab would ask which kernel is meant
    // Keys may still come too early for it.
    await eventually('the first cell is run', async () => {
      await runCell(page, 0);
      return page.locator('.jp-CodeCell .jp-InputPrompt').first().textContent();
    }, (prompt) => prompt !== '[ ]:');
    await runCell(page, 1);
    await runCell(page, 2);

    const cell = page.locator('.jp-CodeCell').nth(2);
    const frame = await (await cell.locator('iframe[title=heartrate]').elementHandle())?.contentFrame();
    assert.ok(frame);
    const { 5: asked = 0 } = await eventually('counts while it runs', () => hits(frame), ({ 6: slept = 0 }) => slept > 0);
    const now = await eventually('more of them', () => hits(frame), ({ 5: more = 0 }) => more > asked);
    assert.deepEqual([1, 2, 3, 4].map((line) => now[line]), [1, 1, 1001, 1000]);
    assert.deepEqual(await frame.locator('.cm-line').allTextContents(), [...BODY, '']);
    await page.screenshot({ path: PICTURE });

    writeFileSync(join(folder, 'enough'), '');
    await cell.locator('.jp-OutputArea-output', { hasText: '999000' }).waitFor();
    const { files } = JSON.parse(execFileSync(HRVIEW, ['dump', NAME, '--format', 'json'], { encoding: 'utf8' })) as Dump;
    const shown = await frame.evaluate(() => window.heartrate.file());
    const dumped = files.find(({ path }) => path === shown)?.lines;
    await eventually('the last counts', () => hits(frame), (lines) => JSON.stringify(lines) === JSON.stringify(dumped));
    const others = files.filter(({ path, lines }) => path !== shown && Object.keys(lines).length > 0);
    assert.deepEqual(others.map(({ lines }) => lines), [{ 2: 1000 }]); // the function of another cell
  } catch (error) {
    await page.screenshot({ path: PICTURE });
    throw error;
  } finally {
    await page.close();
  }
});
