// marks.ts — two stretches of time beside one another: which lines were hit in one and not in the other. What a program
// does when it is asked for this and not for that shows where it does it. Pure.
import type { History } from './history';

export interface Difference {
  readonly file: number;
  readonly line: number;
  readonly a: number; // hits in the first stretch
  readonly b: number; // in the second
}

export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Lines hit in either stretch: first those that were hit in one alone, then by how much they differ. */
export function differences(history: History, a: Stretch, b: Stretch): Difference[] {
  const found: Difference[] = [];
  for (const file of history.fileNumbers()) {
    const inA = history.countsBetween(file, a.from, a.to);
    const inB = history.countsBetween(file, b.from, b.to);
    for (const line of new Set([...inA.keys(), ...inB.keys()])) found.push({ file, line, a: inA.get(line) ?? 0, b: inB.get(line) ?? 0 });
  }
  const alone = ({ a: x, b: y }: Difference): number => (x === 0 || y === 0 ? 0 : 1);
  const apart = ({ a: x, b: y }: Difference): number => Math.abs(Math.log((x + 1) / (y + 1)));
  return found.sort((x, y) => alone(x) - alone(y) || apart(y) - apart(x) || x.file - y.file || x.line - y.line);
}
