// demo.ts — the demo's program under trace() and an hrview for it, for the tests of a browser.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { eventually } from './chrome';

const ROOT = join(process.cwd(), '..');
const HRVIEW = join(ROOT, 'build/bin/hrview');
export const DEMO = join(ROOT, 'tests/programs/demo');

export class Demo {
  url = '';

  private constructor(
    readonly program: ChildProcess,
    private readonly viewer: ChildProcess,
  ) {}

  static async start(): Promise<Demo> {
    const path = [join(ROOT, 'build/python'), process.env['PYTHONPATH']].filter(Boolean).join(delimiter);
    const env = { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: '1' };
    const program = spawn(process.env['PYTHON'] ?? 'python3', [join(DEMO, 'main.py')], { stdio: ['pipe', 'ignore', 'inherit'], env });
    const pid = String(program.pid);
    await eventually('the program is seen', async () => spawnSync(HRVIEW, ['dump', pid]).status, (code) => code === 0);
    const viewer = spawn(HRVIEW, [pid, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const demo = new Demo(program, viewer);
    let said = '';
    for await (const piece of viewer.stdout) {
      said += String(piece);
      const url = /http:[/][/]\S+/.exec(said)?.[0];
      if (url === undefined) continue;
      demo.url = url;
      return demo;
    }
    await demo.end();
    throw new Error(`hrview ended without a URL; it said: ${said}`);
  }

  async end(): Promise<void> {
    for (const child of [this.viewer, this.program]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
}
