// programs.ts — what the tests of a browser start beside it: Pythons with the package as it was built here, and hrview.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { eventually } from './chrome';

export const ROOT = join(process.cwd(), '..');
export const HRVIEW = join(ROOT, 'build/bin/hrview');
export const PYTHON = process.env['PYTHON'] ?? 'python3';

/** The environment in which Python finds the package. */
export function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const path = [join(ROOT, 'build/python'), process.env['PYTHONPATH']].filter(Boolean).join(delimiter);
  return { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: '1', ...more };
}

/** A traced program that is fed on stdin, once hrview sees it. */
export async function startProgram(...words: string[]): Promise<ChildProcess> {
  const program = spawn(PYTHON, words, { stdio: ['pipe', 'ignore', 'inherit'], env: environment() });
  await eventually('the program is seen', async () => spawnSync(HRVIEW, ['dump', String(program.pid)]).status, (code) => code === 0);
  return program;
}

/** An hrview that serves, and the URL that it says. */
export async function startViewer(...words: string[]): Promise<{ viewer: ChildProcess; url: string }> {
  const viewer = spawn(HRVIEW, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  return { viewer, url: await said(viewer.stdout, /http:[/][/]\S+/) };
}

/** What a program prints there, as soon as it is that. */
export async function said(stream: Readable, wanted: RegExp): Promise<string> {
  let text = '';
  for await (const piece of stream) {
    text += String(piece);
    const found = wanted.exec(text)?.[0];
    if (found !== undefined) return found;
  }
  throw new Error(`it ended without ${wanted}; it said: ${text}`);
}

export async function end(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
