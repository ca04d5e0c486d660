// follow.ts — keeps the reader where the program runs, or where it is hottest, without making anyone seasick: it moves
// only when that line has been out of sight for a while, and seldom. Pure: it says where to go, app.ts goes.
import type { ProgramModel } from './store';

const OUT_OF_SIGHT_MS = 700; // in the same file
const ELSEWHERE_MS = 1800; // in another file
const REST_MS = 1500; // after a move

export interface Move {
  readonly file: number;
  readonly line: number;
}

/** What the reader looks at. */
export interface Sight {
  readonly file: number;
  readonly thread: number | null; // the only one, null all
  readonly sees: (line: number) => boolean; // is a line of the file in sight?
}

/** What is followed: the line that runs now, or the one with the most hits a second. */
export type Following = 'running' | 'hottest';

export class Follower {
  following: Following | null = null;
  private movedAt = Number.NEGATIVE_INFINITY;
  private outSince: number | null = null;

  get on(): boolean {
    return this.following !== null;
  }

  /** null: stay. `now` is the picture's clock. */
  next(model: ProgramModel, { file, thread, sees }: Sight, now: number, wall: number): Move | null {
    const at = this.following === 'hottest' ? hottestPlace(model, now) : runningPlace(model, thread);
    if (at === null || (at.file === file && sees(at.line))) {
      this.outSince = null;
      return null;
    }
    this.outSince ??= wall;
    const patience = at.file === file ? OUT_OF_SIGHT_MS : ELSEWHERE_MS;
    if (wall - this.outSince < patience || wall - this.movedAt < REST_MS) return null;
    this.movedAt = wall;
    this.outSince = null;
    return at;
  }
}

/** The innermost traced line of the first thread that runs; of the first that has one when all wait. */
function runningPlace(model: ProgramModel, thread: number | null): Move | null {
  const places = model.threads
    .filter(({ id }) => thread === null || id === thread)
    .map(({ state, frames }) => ({
      running: state === 'running',
      frame: frames.findLast(({ file }) => model.files[file]?.traced === true),
    }));
  const there = places.filter(({ frame }) => frame !== undefined);
  const frame = (there.find(({ running }) => running) ?? there[0])?.frame;
  return frame === undefined ? null : { file: frame.file, line: frame.line };
}

/** The line that is hit most often, in the file that is. */
function hottestPlace(model: ProgramModel, now: number): Move | null {
  let file = -1;
  let best = 0;
  model.files.forEach((entry, i) => {
    const rate = entry.traced ? model.fileHeat.rate(i, now) : 0;
    if (rate > best) [file, best] = [i, rate];
  });
  const line = file === -1 ? null : model.table(file)?.fastest(now);
  return file === -1 || line === null ? null : { file, line: line ?? 1 };
}
