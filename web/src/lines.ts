// lines.ts — the counts of one file's lines, as the last frame told them: the one source of what is drawn, read out
// to screen readers and handed to scripts.
import { Heat } from './heat';
import type { Triples } from './wire';

export class LineTable {
  readonly heat = new Heat();
  /** Lines that can be hit, in the order in which they became known; the position is the item of `heat`. */
  readonly lines: number[] = [];
  private readonly items = new Map<number, number>();
  private readonly lastTicks: number[] = [];
  /** The last line that can be hit. */
  lastLine = 1;
  /** How many lines have been hit. */
  hitLines = 0;
  /** Another one whenever a line began to be one that can be hit, or was hit for the first time. */
  edition = 0;

  /** The item of a line, -1 when it cannot be hit. */
  itemOf(line: number): number {
    return this.items.get(line) ?? -1;
  }

  lineOf(item: number): number {
    return this.lines[item] as number;
  }

  hitsOf(item: number): number {
    return this.heat.hitsOf(item);
  }

  /** Tick of an item's last hit, 0 never. */
  lastTickOf(item: number): number {
    return this.lastTicks[item] ?? 0;
  }

  /** Takes over `line, hits, last_tick` triples. What is new since the last frame happened about `now`; in a frame
   * that replaces everything nothing is known of when. */
  apply(triples: Triples, replaces: boolean, now: number): void {
    let turned = false;
    for (let i = 0; i < triples.length; i += 3) {
      const line = triples[i] as number;
      const hits = triples[i + 1] as number;
      let item = this.items.get(line);
      if (item === undefined) {
        item = this.lines.length;
        this.items.set(line, item);
        this.lines.push(line);
        if (line > this.lastLine) this.lastLine = line;
        turned = true;
      }
      if (this.hitsOf(item) === 0 && hits > 0) {
        this.hitLines++;
        turned = true;
      }
      if (replaces) this.heat.seed(item, hits);
      else this.heat.advance(item, hits, now);
      this.lastTicks[item] = triples[i + 2] as number;
    }
    if (turned) this.edition++;
  }

  /** The line with the most hits a second, null when none is hit. */
  fastest(now: number): number | null {
    const item = this.heat.fastest(now);
    return item === null ? null : this.lineOf(item);
  }

  /** The n lines with the most hits, most first; lines never hit are left out. */
  hottest(n: number): number[] {
    const best: number[] = []; // items, most hits first
    for (let item = 0; item < this.lines.length; item++) {
      const hits = this.hitsOf(item);
      if (hits === 0 || (best.length === n && hits <= this.hitsOf(best[n - 1] as number))) continue;
      let at = best.length;
      while (at > 0 && this.hitsOf(best[at - 1] as number) < hits) at--;
      best.splice(at, 0, item);
      if (best.length > n) best.pop();
    }
    return best.map((item) => this.lineOf(item));
  }
}
