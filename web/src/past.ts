// past.ts — a program as it stood at a moment that has passed, made of its history: a ProgramModel like the one of now,
// so that every view shows it. With a beginning it shows only what happened since: counts, bars and samples of a span.
import { Heat } from './heat';
import type { History } from './history';
import { Samples } from './samples';
import { ProgramModel } from './store';

const WARM_MS = 60_000; // bars are made from the hits of so long before; the longest window but one is 51 s
const WARM_MAX = 50_000; // additions to lines gone through for it, whatever the time: a scrub must not be felt

/** The counts of the file shown, as far as they have been added up. */
interface Shown {
  readonly file: number;
  readonly hits: number[]; // since the program's start
  readonly ticks: number[];
  readonly before: readonly number[]; // those that do not count, because they were before the span
}

export class Past {
  readonly model: ProgramModel;
  private at = Number.NaN;
  private shown: Shown | null = null;
  private edition = -1; // of the history
  private joinedTo = Number.NEGATIVE_INFINITY;

  /** `from`: only what happened after this tick counts; null: all since the program's start. */
  constructor(
    private readonly history: History,
    live: ProgramModel,
    private readonly from: number | null,
  ) {
    this.model = new ProgramModel(live.id, 0, live.files);
    this.model.takeColours(live);
    this.model.activeAt = Number.POSITIVE_INFINITY; // of the past nobody says that it is idle
    this.model.drops = live.drops;
    this.model.sampler = live.sampler;
    this.model.segmentTables = live.segmentTables;
    this.model.notes.push(...live.notes);
  }

  /** Can it show this history of this program, from then on? */
  isOf(history: History, live: ProgramModel, from: number | null): boolean {
    return history === this.history && live.files === this.model.files && from === this.from;
  }

  /** Brings the model to a moment, with the counts of one file. Forward it adds what came between; backward, and when the
   * history has been shortened, it starts over. True: it did, so that nothing of the picture before is of use. */
  show(file: number, tick: number): boolean {
    const { history } = this;
    const jumps = !(tick >= this.at) || tick - this.at > WARM_MS || this.edition !== history.edition || (this.at < history.joinedTo && this.joinedTo !== history.joinedTo);
    const turns = jumps || this.shown?.file !== file;
    if (turns) this.shown = this.begin(file, tick);
    else if (tick > this.at && this.shown !== null) this.addLines(this.shown, this.at, tick);
    if (jumps) {
      this.seedFiles(tick);
      this.model.samples = new Samples();
      this.addSamples(this.from ?? Number.NEGATIVE_INFINITY, tick);
    } else if (tick > this.at) {
      this.addFiles(this.at, tick);
      this.addSamples(this.at, tick);
    }
    this.at = tick;
    this.edition = history.edition;
    this.joinedTo = history.joinedTo;
    this.model.tick = tick;
    const threads = history.threadsAt(tick);
    if (threads !== this.model.threads) this.model.setThreads(threads);
    return turns;
  }

  private begin(file: number, tick: number): Shown {
    const { history, from } = this;
    const warm = this.warmFrom(file, tick);
    const { lines, hits, ticks } = history.countsAt(file, warm);
    const before = from === null ? [] : history.countsAt(file, from).hits;
    const shown: Shown = { file, hits, ticks, before };
    if (lines.length === 0) return shown; // a file that is not traced has no table
    const triples: number[] = [];
    for (let item = 0; item < lines.length; item++) this.tell(shown, lines, item, triples);
    this.model.openTable(file, true).apply(triples, true, warm);
    this.addLines(shown, warm, tick);
    return shown;
  }

  /** From where on hits make bars. */
  private warmFrom(file: number, tick: number): number {
    let ms = WARM_MS;
    while (ms > 1000 && this.history.costOf(file, tick - ms, tick) > WARM_MAX) ms /= 2;
    return Math.min(tick, Math.max(this.from ?? 0, tick - ms));
  }

  private addLines(shown: Shown, after: number, until: number): void {
    const lines = this.history.linesOf(shown.file);
    const table = this.model.openTable(shown.file, false);
    const fresh: number[] = []; // lines that have become known, with nothing so far
    while (shown.hits.length < lines.length) {
      shown.ticks.push(0);
      this.tell(shown, lines, shown.hits.push(0) - 1, fresh);
    }
    if (fresh.length > 0) table.apply(fresh, false, after);
    this.history.eachDelta(shown.file, after, until, (tick, items, hits, ticks) => {
      const triples: number[] = [];
      for (let j = 0; j < items.length; j++) {
        const item = items[j] as number;
        shown.hits[item] = (shown.hits[item] as number) + (hits[j] as number);
        shown.ticks[item] = (shown.ticks[item] as number) + (ticks[j] as number);
        this.tell(shown, lines, item, triples);
      }
      table.apply(triples, false, tick);
    });
  }

  private tell(shown: Shown, lines: readonly number[], item: number, triples: number[]): void {
    const hits = (shown.hits[item] as number) - (shown.before[item] ?? 0);
    triples.push(lines[item] as number, hits, hits > 0 ? (shown.ticks[item] as number) : 0);
  }

  private seedFiles(tick: number): void {
    const warm = Math.min(tick, Math.max(this.from ?? 0, tick - WARM_MS));
    const before = this.from === null ? null : this.history.sumsAt(this.from);
    this.model.fileHeat = new Heat();
    this.model.activeAt = warm;
    for (const [file, sum] of this.history.sumsAt(warm)) this.model.fileHeat.seed(file, sum - (before?.get(file) ?? 0));
    this.addFiles(warm, tick);
  }

  private addFiles(after: number, until: number): void {
    const heat = this.model.fileHeat;
    this.history.eachSum(after, until, (file, sum, tick) => {
      if (tick > until) return;
      heat.advance(file, heat.hitsOf(file) + sum, tick);
      if (sum > 0) this.model.activeAt = tick;
    });
  }

  private addSamples(after: number, until: number): void {
    for (const { node, running } of this.history.samplesBetween(after, until))
      this.model.samples.add(node.frames, running, this.model.files);
  }
}
