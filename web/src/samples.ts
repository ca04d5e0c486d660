// samples.ts — an estimate of where processor time goes: whenever a frame comes, each thread that was running counts
// for the line it stood on. The innermost traced line: what it calls in files that are not traced is its own time.
import type { FileEntry, Frame, Thread } from './wire';

export class Samples {
  total = 0;
  private readonly files = new Map<number, Map<number, number>>();

  take(threads: readonly Thread[], files: readonly FileEntry[]): void {
    for (const { state, frames } of threads) if (state === 'running') this.add(frames, 1, files);
  }

  /** A stack, outermost first, was found running so many times. */
  add(frames: readonly Frame[], times: number, files: readonly FileEntry[]): void {
    const frame = frames.findLast(({ file }) => files[file]?.traced === true);
    if (frame === undefined || times === 0) return;
    const lines = this.files.get(frame.file) ?? new Map<number, number>();
    this.files.set(frame.file, lines);
    lines.set(frame.line, (lines.get(frame.line) ?? 0) + times);
    this.total += times;
  }

  /** Of all samples those that found this line, 0 to 1. */
  share(file: number, line: number): number {
    const found = this.files.get(file)?.get(line) ?? 0;
    return found === 0 ? 0 : found / this.total;
  }
}
