// stack.ts — a thread's stack as a reader wants it: frames of whatever started the program folded, what was left out said.
import type { Frame, Thread } from './wire';

export type Row =
  | { readonly kind: 'frame'; readonly frame: Frame; readonly innermost: boolean }
  | { readonly kind: 'folded'; readonly frames: readonly Frame[] } // runners and import machinery
  | { readonly kind: 'elided'; readonly count: number }; // deeper than the snapshot holds

/** Rows outermost first, in the order of a traceback. `pathOf` gives a file's path, "" when it is not known. */
export function stackRows(thread: Thread, pathOf: (file: number) => string, unfolded = false): Row[] {
  const rows: Row[] = [];
  let folded: Frame[] = [];
  const flush = (): void => {
    if (folded.length > 0) rows.push({ kind: 'folded', frames: folded });
    folded = [];
  };
  const missing = thread.depth - thread.frames.length;
  thread.frames.forEach((frame, i) => {
    if (missing > 0 && i === thread.elidedAt) {
      flush();
      rows.push({ kind: 'elided', count: missing });
    }
    const innermost = i === thread.frames.length - 1;
    if (!unfolded && !innermost && isMachinery(pathOf(frame.file))) folded.push(frame);
    else {
      flush();
      rows.push({ kind: 'frame', frame, innermost });
    }
  });
  flush();
  if (missing > 0 && thread.elidedAt >= thread.frames.length) rows.push({ kind: 'elided', count: missing });
  return rows;
}

/** Frames that every program has and no reader looks for: they start modules, threads and tasks, and import. */
export function isMachinery(path: string): boolean {
  return (
    /^<frozen (runpy|importlib[._a-z]*|zipimport)>$/.test(path) ||
    /[/]lib(64)?[/]python[0-9.]+t?[/](runpy|threading|concurrent[/]futures[/]thread)[.]py$/.test(path) ||
    /[/]importlib[/]_bootstrap(_external)?[.]py$/.test(path) ||
    /[/]heartrate_shm[/]__main__[.]py$/.test(path)
  );
}

export function nameOfThread(thread: Thread): string {
  return thread.name || (thread.task ? 'Task' : `Thread ${thread.native}`);
}

const STUCK_MS = 5000;

/** For how many milliseconds the thread has stood where it stands, when a reader should look at it; else 0. A line of its
 * stack that was hit since has moved it, whatever the looks at the stack have met; a loop's thread its tasks as well, which it
 * runs between two looks. `threads`: all there are. */
export function stuckMs(thread: Thread, threads: readonly Thread[], tick: number, lastHit: (file: number, line: number) => number): number {
  const since = ({ since, frames }: Thread): number => Math.max(since, ...frames.map(({ file, line }) => lastHit(file, line)));
  const stillSince = (moved: number): boolean => tick - moved >= STUCK_MS;
  const moved = since(thread);
  if (thread.frames.length === 0 || !stillSince(moved)) return 0;
  const tasks = thread.task ? [] : threads.filter(({ task, native }) => task && native === thread.id);
  const last = Math.max(moved, ...tasks.map(since));
  return stillSince(last) ? tick - last : 0;
}
