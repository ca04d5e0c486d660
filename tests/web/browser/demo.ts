// demo.ts — the demo's program under trace() and an hrview for it, for the tests of a browser.
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { end, ROOT, startProgram, startViewer } from './programs';

export const DEMO = join(ROOT, 'tests/programs/demo');

export class Demo {
  private constructor(
    readonly program: ChildProcess,
    private readonly viewer: ChildProcess,
    readonly url: string,
  ) {}

  static async start(): Promise<Demo> {
    const program = await startProgram(join(DEMO, 'main.py'));
    const { viewer, url } = await startViewer(String(program.pid), '--port', '0');
    return new Demo(program, viewer, url);
  }

  async end(): Promise<void> {
    await end(this.viewer);
    await end(this.program);
  }
}
