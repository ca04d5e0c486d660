// rates.ts — hits a second by file over a stretch of history, as the time strip draws them: stacked curves of the files
// with the most hits, and all others as one. Pure.
import type { History } from './history';

export interface Rates {
  /** Ticks in the middle of each column. */
  readonly at: Float64Array;
  /** The files with the most hits, most first. */
  readonly files: readonly number[];
  /** Hits a second: one row a file, and last the others. */
  readonly rows: readonly Float64Array[];
}

/** The stretch (from, to] in so many columns; a step's hits are spread over the time that it stands for. */
export function ratesBetween(history: History, from: number, to: number, columns: number, files: number): Rates {
  const width = (to - from) / columns;
  const all = new Map<number, Float64Array>();
  history.eachSum(from, to, (file, sum, tick, before) => {
    let row = all.get(file);
    if (row === undefined) all.set(file, (row = new Float64Array(columns)));
    const length = Math.max(1, tick - before);
    const first = Math.max(0, Math.floor((before - from) / width));
    const last = Math.min(columns - 1, Math.floor((tick - from) / width));
    for (let i = first; i <= last; i++) {
      const overlap = Math.min(tick, from + (i + 1) * width) - Math.max(before, from + i * width);
      if (overlap > 0) row[i] = (row[i] as number) + (sum * overlap) / length;
    }
  });
  const sums = [...all].map(([file, row]) => ({ file, row, sum: row.reduce((a, b) => a + b, 0) }));
  sums.sort((a, b) => b.sum - a.sum || a.file - b.file);
  const others = new Float64Array(columns);
  for (const { row } of sums.slice(files)) row.forEach((n, i) => (others[i] = (others[i] as number) + n));
  const rows = [...sums.slice(0, files).map(({ row }) => row), others];
  return {
    at: Float64Array.from({ length: columns }, (_, i) => from + (i + 0.5) * width),
    files: sums.slice(0, files).map(({ file }) => file),
    rows: rows.map((row) => row.map((n) => (n * 1000) / width)),
  };
}

/** Rows on top of one another, for as many files as there are colours: first all together, then without the others, and
 * so on down to the first file. A file that there is not has an empty row, so that each row keeps its colour. */
export function stackedRows({ at, rows }: Rates, files: number): Float64Array[] {
  const sums: Float64Array[] = [];
  for (const row of rows) {
    const below = sums.at(-1);
    sums.push(below === undefined ? row : row.map((n, i) => n + (below[i] as number)));
  }
  while (sums.length < files + 1) sums.splice(-1, 0, new Float64Array(at.length));
  return sums.reverse();
}
