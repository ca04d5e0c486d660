// follow.ts — keeps the reader where the program runs without making anyone seasick: it moves only when the running line
// has been out of sight for a while, and seldom. Pure: it says where to go, app.ts goes.
import type { ProgramModel } from './store';

const OUT_OF_SIGHT_MS = 700; // in the same file
const ELSEWHERE_MS = 1800; // in another file
const REST_MS = 1500; // after a move

export interface Move {
  readonly file: number;
  readonly line: number;
}

export class Follower {
  on = false;
  private movedAt = Number.NEGATIVE_INFINITY;
  private outSince: number | null = null;

  /** null: stay. `sees` tells whether a line of the file shown is in sight. */
  next(model: ProgramModel, file: number, sees: (line: number) => boolean, wall: number): Move | null {
    const at = runningPlace(model);
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
function runningPlace(model: ProgramModel): Move | null {
  const places = model.threads.map((thread) => ({
    running: thread.state === 'running',
    frame: thread.frames.findLast(({ file }) => model.files[file]?.traced === true),
  }));
  const there = places.filter(({ frame }) => frame !== undefined);
  const frame = (there.find(({ running }) => running) ?? there[0])?.frame;
  return frame === undefined ? null : { file: frame.file, line: frame.line };
}
