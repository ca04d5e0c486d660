// history.ts — what the page remembers of a program: the newest counts of all files, and from there back, step by step,
// what each frame added to them; the stacks of each step; and the samples that a flame graph is made of. Pure.
//
// Counts of a moment are the newest minus what was added since, so that the oldest steps can be given up at any time
// and the newest counts are never wrong. Memory has a bound: from half of it on steps that are not of the last half
// minute are joined to steps of a second, beyond it the oldest go; of a recording nothing goes, but steps become longer.
//
// Times are the program's clock: ticks, milliseconds since its start. A step at tick t says what happened after the step
// before it and up to t; a span (a, b] is the steps with a < t ≤ b.
import { StackNode, StackTree } from './stacktree';
import type { ProgramFrame, Thread } from './wire';

/** What a step added to a file's lines. */
interface Delta {
  readonly items: Uint32Array; // positions in FileCounts
  readonly hits: Numbers; // more than before
  readonly ticks: Numbers; // how much later the last hit is
  readonly sum: number; // of hits
}

type Numbers = Uint32Array | Float64Array;

/** How often a stack was found in a step. */
export interface Sample {
  readonly node: StackNode;
  readonly running: number;
  readonly all: number; // running, sleeping or whatever
}

interface Step {
  readonly tick: number;
  readonly deltas: ReadonlyMap<number, Delta>;
  readonly threads: readonly Thread[];
  readonly samples: readonly Sample[];
  readonly bytes: number; // about what it takes
}

/** Newest counts of a file; an item is a line that can be hit. */
class FileCounts {
  readonly lines: number[] = [];
  readonly items = new Map<number, number>();
  readonly hits: number[] = [];
  readonly ticks: number[] = []; // of the last hit, 0 never
  sum = 0;

  itemOf(line: number): number {
    let item = this.items.get(line);
    if (item === undefined) {
      item = this.lines.length;
      this.items.set(line, item);
      this.lines.push(line);
      this.hits.push(0);
      this.ticks.push(0);
    }
    return item;
  }
}

/** Counts of a file at a moment; arrays go together, and belong to who asked. */
export interface Counts {
  readonly lines: readonly number[]; // all that is known to be possible to hit, also what became known later
  readonly hits: number[];
  readonly ticks: number[]; // of the last hit, 0 never
}

export interface Limits {
  readonly bytes: number;
  readonly ms: number; // older steps go
  readonly fineMs: number; // so much of the newest is not joined
  readonly keepsAll: boolean; // nothing is given up but detail, as it must be for a recording
}

/** A page that follows a program for hours. */
export const LIVE: Limits = { bytes: 12_000_000, ms: 15 * 60_000, fineMs: 30_000, keepsAll: false };
/** A recording, of which all is to be seen. */
export const RECORDING: Limits = { bytes: 96_000_000, ms: Number.POSITIVE_INFINITY, fineMs: 0, keepsAll: true };

const JOINED_MS = 1000;
const NODES_MAX = 30_000; // of the stack tree
const STEP_BYTES = 160;

export class History {
  private readonly files = new Map<number, FileCounts>();
  private steps: Step[] = [];
  private bytes = 0;
  private tree = new StackTree();
  private seen: readonly { node: StackNode; running: boolean }[] = []; // the threads of the newest step
  private gathers = true; // what a large program had before the history began comes in several frames

  constructor(
    readonly program: string,
    private readonly limits: Limits = LIVE,
  ) {}

  get empty(): boolean {
    return this.steps.length === 0;
  }

  /** Ticks of the first and the last step; 0 when there is none. */
  get start(): number {
    return this.steps[0]?.tick ?? 0;
  }

  get end(): number {
    return this.steps.at(-1)?.tick ?? 0;
  }

  get stepCount(): number {
    return this.steps.length;
  }

  /** Another one when more was found to have been there before the first step: what has been added up is wrong. */
  edition = 0;
  /** Ticks that counts are counted from or to: no step is joined across them. */
  pins: readonly number[] = [];
  /** Up to this tick steps have been joined: who stands before it may stand within one that was several. */
  joinedTo = Number.NEGATIVE_INFINITY;

  /** About the memory that the steps take. */
  get size(): number {
    return this.bytes;
  }

  /** Takes over the program's part of a frame. Counts are totals on the wire: a frame that says all of them again (a new
   * connection, a key frame of a recording) adds what is new since the last. `more`: the next frame has the rest of it. */
  take(frame: ProgramFrame, more = false): void {
    if (frame.gone) return;
    const last = this.steps.at(-1);
    const tick = Math.max(frame.tick, last?.tick ?? 0);
    const deltas = new Map<number, Delta>();
    for (const { file, lines } of frame.linesOf) {
      const delta = this.takeLines(file, lines);
      if (delta !== null) deltas.set(file, delta);
    }
    this.gathers &&= more;
    const threads = frame.threads === null ? (last?.threads ?? []) : this.takeThreads(frame.threads);
    const samples = last === undefined || tick > last.tick ? this.look() : [];
    if (last !== undefined && deltas.size === 0 && frame.threads === null) {
      if (tick === last.tick) return;
      // Nothing has happened, and nothing before: the last step lasts longer.
      if (last.deltas.size === 0 && last.threads === this.steps.at(-2)?.threads) {
        this.steps.pop();
        this.bytes -= last.bytes;
        this.push(tick, deltas, threads, addSamples([last.samples, samples]));
        return;
      }
    }
    this.push(tick, deltas, threads, samples);
    if (this.bytes > this.limits.bytes / 2 || tick - this.start > this.limits.ms) this.makeRoom();
    if (this.tree.size > NODES_MAX) this.thinStacks();
  }

  // What is asked.

  /** Files of which lines are known. */
  fileNumbers(): IterableIterator<number> {
    return this.files.keys();
  }

  /** Lines of a file that can be hit, as far as known; what is an item elsewhere is a position in here. */
  linesOf(file: number): readonly number[] {
    return this.files.get(file)?.lines ?? [];
  }

  countsAt(file: number, tick: number): Counts {
    const now = this.files.get(file);
    if (now === undefined) return { lines: [], hits: [], ticks: [] };
    const hits = now.hits.slice();
    const ticks = now.ticks.slice();
    for (let i = this.steps.length - 1; i >= 0 && (this.steps[i] as Step).tick > tick; i--) {
      const delta = (this.steps[i] as Step).deltas.get(file);
      if (delta === undefined) continue;
      for (let j = 0; j < delta.items.length; j++) {
        const item = delta.items[j] as number;
        hits[item] = (hits[item] as number) - (delta.hits[j] as number);
        ticks[item] = (ticks[item] as number) - (delta.ticks[j] as number);
      }
    }
    return { lines: now.lines, hits, ticks };
  }

  /** Hits of a file's lines in a span: line → hits, those above 0. */
  countsBetween(file: number, from: number, to: number): Map<number, number> {
    const lines = this.files.get(file)?.lines ?? [];
    const sums = new Map<number, number>();
    this.eachDelta(file, from, to, (_, items, hits) => {
      for (let j = 0; j < items.length; j++) {
        const gain = hits[j] as number;
        if (gain === 0) continue;
        const line = lines[items[j] as number] as number;
        sums.set(line, (sums.get(line) ?? 0) + gain);
      }
    });
    return sums;
  }

  /** Each step of a span that added to a file's lines, oldest first. `items` are positions in linesOf(). */
  eachDelta(
    file: number,
    from: number,
    to: number,
    visit: (tick: number, items: Uint32Array, hits: Numbers, ticks: Numbers) => void,
  ): void {
    for (let i = this.indexAfter(from); i < this.steps.length; i++) {
      const step = this.steps[i] as Step;
      if (step.tick > to) return;
      const delta = step.deltas.get(file);
      if (delta !== undefined) visit(step.tick, delta.items, delta.hits, delta.ticks);
    }
  }

  /** Hits a second of a line, in `parts` equal parts of a span, oldest first. What a step added is put at its end. */
  ratesOf(file: number, line: number, from: number, to: number, parts: number): number[] {
    const rates = new Array<number>(parts).fill(0);
    const item = this.files.get(file)?.items.get(line);
    if (item === undefined) return rates;
    const width = (to - from) / parts;
    this.eachDelta(file, from, to, (tick, items, hits) => {
      const j = items.indexOf(item);
      if (j === -1) return;
      const part = Math.min(parts - 1, Math.floor((tick - from) / width));
      rates[part] = (rates[part] as number) + ((hits[j] as number) * 1000) / width;
    });
    return rates;
  }

  /** How many additions to lines the steps of a span hold: what it costs to go through them. */
  costOf(file: number, from: number, to: number): number {
    let cost = 0;
    this.eachDelta(file, from, to, (_, items) => (cost += items.length));
    return cost;
  }

  /** Hits of each file altogether at a moment. */
  sumsAt(tick: number): Map<number, number> {
    const sums = new Map<number, number>();
    for (const [file, { sum }] of this.files) sums.set(file, sum);
    for (let i = this.steps.length - 1; i >= 0 && (this.steps[i] as Step).tick > tick; i--)
      for (const [file, { sum }] of (this.steps[i] as Step).deltas) sums.set(file, (sums.get(file) as number) - sum);
    return sums;
  }

  /** What the steps of a span added to each file altogether, oldest first; it happened after `before` and up to `tick`. */
  eachSum(from: number, to: number, visit: (file: number, sum: number, tick: number, before: number) => void): void {
    for (let i = this.indexAfter(from); i < this.steps.length; i++) {
      const { tick, deltas } = this.steps[i] as Step;
      const before = this.steps[i - 1]?.tick ?? tick;
      if (before > to) return;
      for (const [file, { sum }] of deltas) visit(file, sum, tick, before);
    }
  }

  /** The threads with their stacks as they stood at a moment; those of the first step before it. */
  threadsAt(tick: number): readonly Thread[] {
    return this.steps[Math.max(0, this.indexAfter(tick) - 1)]?.threads ?? [];
  }

  samplesBetween(from: number, to: number): Sample[] {
    const lists: (readonly Sample[])[] = [];
    for (let i = this.indexAfter(from); i < this.steps.length && (this.steps[i] as Step).tick <= to; i++)
      lists.push((this.steps[i] as Step).samples);
    return addSamples(lists);
  }

  /** Tick of the step at which a moment is seen, of the next, and of the one before. */
  tickAt(tick: number): number {
    return this.steps[Math.max(0, this.indexAfter(tick) - 1)]?.tick ?? tick;
  }

  tickAfter(tick: number): number | null {
    return this.steps[this.indexAfter(tick)]?.tick ?? null;
  }

  tickBefore(tick: number): number | null {
    const at = this.tickAt(tick);
    return this.steps[this.indexAfter(at - 1) - 1]?.tick ?? null;
  }

  /** Tick of the next step, or of the last one before, in which a line was hit; null none that is remembered. */
  changeAfter(file: number, line: number, tick: number): number | null {
    const item = this.files.get(file)?.items.get(line);
    if (item === undefined) return null;
    for (let i = this.indexAfter(tick); i < this.steps.length; i++)
      if (adds(this.steps[i] as Step, file, item)) return (this.steps[i] as Step).tick;
    return null;
  }

  changeBefore(file: number, line: number, tick: number): number | null {
    const item = this.files.get(file)?.items.get(line);
    if (item === undefined) return null;
    for (let i = this.indexAfter(this.tickAt(tick) - 1) - 1; i >= 0; i--)
      if (adds(this.steps[i] as Step, file, item)) return (this.steps[i] as Step).tick;
    return null;
  }

  /** Had a line been hit before the history begins? */
  hitEarlier(file: number, line: number): boolean {
    const counts = this.files.get(file);
    const item = counts?.items.get(line);
    if (counts === undefined || item === undefined) return false;
    let gained = 0;
    for (const { deltas } of this.steps) {
      const delta = deltas.get(file);
      const j = delta?.items.indexOf(item) ?? -1;
      if (delta !== undefined && j !== -1) gained += delta.hits[j] as number;
    }
    return (counts.hits[item] as number) > gained;
  }

  // How it is kept.

  /** null: nothing was added, or it was there when the history began and is no step's doing. */
  private takeLines(file: number, lines: readonly number[]): Delta | null {
    let counts = this.files.get(file);
    if (counts === undefined) this.files.set(file, (counts = new FileCounts()));
    const items: number[] = [];
    const hits: number[] = [];
    const ticks: number[] = [];
    let sum = 0;
    for (let i = 0; i < lines.length; i += 3) {
      const item = counts.itemOf(lines[i] as number);
      const gain = (lines[i + 1] as number) - (counts.hits[item] as number);
      const later = (lines[i + 2] as number) - (counts.ticks[item] as number);
      if (gain === 0 && later === 0) continue;
      counts.hits[item] = lines[i + 1] as number;
      counts.ticks[item] = lines[i + 2] as number;
      items.push(item);
      hits.push(gain);
      ticks.push(later);
      sum += gain;
    }
    counts.sum += sum;
    if (this.gathers) this.edition++;
    if (this.gathers || items.length === 0) return null;
    return { items: Uint32Array.from(items), hits: packed(hits), ticks: packed(ticks), sum };
  }

  private takeThreads(threads: readonly Thread[]): readonly Thread[] {
    const seen: { node: StackNode; running: boolean }[] = [];
    const kept = threads.map((thread) => {
      const node = this.tree.intern(thread);
      if (thread.frames.length > 0) seen.push({ node, running: thread.state === 'running' });
      return { ...thread, frames: node.frames };
    });
    this.seen = seen;
    return kept;
  }

  private look(): Sample[] {
    return addSamples([this.seen.map(({ node, running }) => ({ node, running: running ? 1 : 0, all: 1 }))]);
  }

  private push(tick: number, deltas: ReadonlyMap<number, Delta>, threads: readonly Thread[], samples: readonly Sample[]): void {
    const known = threads === this.steps.at(-1)?.threads;
    const bytes = bytesOf(deltas, samples, known ? [] : threads);
    this.steps.push({ tick, deltas, threads, samples, bytes });
    this.bytes += bytes;
  }

  /** Index of the first step later than a tick. */
  private indexAfter(tick: number): number {
    let low = 0;
    let high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.steps[middle] as Step).tick <= tick) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private makeRoom(): void {
    const { bytes, ms, keepsAll } = this.limits;
    const oldest = this.indexAfter(this.end - ms);
    if (oldest > 0) this.steps.splice(0, oldest).forEach((step) => (this.bytes -= step.bytes));
    if (!keepsAll) {
      // A little in each frame, so that none of them is felt.
      if (this.bytes > bytes / 2) this.joinSecond();
      if (this.bytes > bytes) this.giveUp(bytes * 0.9);
      return;
    }
    if (this.bytes <= bytes) return;
    const whole = 2 * (this.end - this.start);
    for (let step = JOINED_MS; this.bytes > bytes * 0.75 && step <= whole; step *= 2) this.join(step);
  }

  /** Joins the oldest steps that are not joined yet, and not among the newest, to one of a second. */
  private joinSecond(): void {
    const first = this.indexAfter(Math.max(this.joinedTo, this.start));
    const begin = this.steps[first]?.tick;
    if (begin === undefined) return;
    const until = (Math.floor(begin / JOINED_MS) + 1) * JOINED_MS - 1;
    if (until > this.end - this.limits.fineMs) return;
    const pin = Math.min(...this.pins.filter((tick) => tick >= begin), until);
    const group = this.steps.slice(first, this.indexAfter(pin));
    const joined = group.length === 1 ? (group[0] as Step) : this.joinSteps(group);
    this.steps.splice(first, group.length, joined);
    for (const step of group) this.bytes -= step.bytes;
    this.bytes += joined.bytes;
    this.joinedTo = joined.tick;
  }

  private giveUp(enough: number): void {
    let first = 0;
    while (this.bytes > enough && first < this.steps.length - 1) this.bytes -= (this.steps[first++] as Step).bytes;
    this.steps.splice(0, first);
  }

  /** Makes steps of `ms` of what is not among the newest. The first step stays: it is where the history begins. */
  private join(ms: number): void {
    const until = this.end - this.limits.fineMs;
    const joined: Step[] = [];
    let group: Step[] = [];
    const flush = (): void => {
      if (group.length > 0) joined.push(group.length === 1 ? (group[0] as Step) : this.joinSteps(group));
      group = [];
    };
    this.steps.forEach((step, i) => {
      const first = group[0];
      const last = group.at(-1)?.tick ?? step.tick;
      const pinned = this.pins.some((tick) => tick >= last && tick < step.tick);
      if (i <= 1 || pinned || step.tick > until || (first !== undefined && Math.floor(step.tick / ms) !== Math.floor(first.tick / ms))) flush();
      group.push(step);
    });
    flush();
    this.replaceSteps(joined);
    this.joinedTo = until;
  }

  private joinSteps(group: readonly Step[]): Step {
    const last = group.at(-1) as Step;
    const deltas = new Map<number, Delta>();
    for (const file of new Set(group.flatMap((step) => [...step.deltas.keys()]))) {
      const parts = group.flatMap((step) => step.deltas.get(file) ?? []);
      deltas.set(file, parts.length === 1 ? (parts[0] as Delta) : joinDeltas(parts));
    }
    const samples = addSamples(group.map((step) => step.samples));
    return { tick: last.tick, deltas, threads: last.threads, samples, bytes: bytesOf(deltas, samples, last.threads) };
  }

  private replaceSteps(steps: readonly Step[]): void {
    this.steps = [];
    this.bytes = 0;
    for (const { tick, deltas, threads, samples } of steps) this.push(tick, deltas, threads, samples);
  }

  /** Keeps of the tree what the steps still need; when that is too much by itself, gives up the older half. */
  private thinStacks(): void {
    this.tree = new StackTree();
    const { tree } = this;
    const thinned = new Map<readonly Thread[], readonly Thread[]>();
    for (const step of this.steps)
      if (!thinned.has(step.threads))
        thinned.set(step.threads, step.threads.map((thread) => ({ ...thread, frames: tree.intern(thread).frames })));
    this.seen = this.seen.map(({ node, running }) => ({ node: tree.adopt(node), running }));
    this.replaceSteps(
      this.steps.map((step) => ({
        ...step,
        threads: thinned.get(step.threads) as readonly Thread[],
        samples: step.samples.map((sample) => ({ ...sample, node: tree.adopt(sample.node) })),
      })),
    );
    if (tree.size <= NODES_MAX / 2 || this.steps.length < 2) return;
    this.replaceSteps(this.steps.slice(this.steps.length >> 1));
    this.thinStacks();
  }
}

function bytesOf(deltas: ReadonlyMap<number, Delta>, samples: readonly Sample[], threads: readonly Thread[]): number {
  let bytes = STEP_BYTES + samples.length * 40 + threads.length * 160;
  for (const { items, hits, ticks } of deltas.values()) bytes += 200 + items.byteLength + hits.byteLength + ticks.byteLength;
  return bytes;
}

function adds(step: Step, file: number, item: number): boolean {
  const delta = step.deltas.get(file);
  const j = delta?.items.indexOf(item) ?? -1;
  return delta !== undefined && j !== -1 && delta.hits[j] !== 0;
}

function joinDeltas(parts: readonly Delta[]): Delta {
  const places = new Map<number, number>();
  const items: number[] = [];
  const hits: number[] = [];
  const ticks: number[] = [];
  for (const part of parts)
    for (let j = 0; j < part.items.length; j++) {
      const item = part.items[j] as number;
      const at = places.get(item);
      if (at === undefined) {
        places.set(item, items.length);
        items.push(item);
        hits.push(part.hits[j] as number);
        ticks.push(part.ticks[j] as number);
      } else {
        hits[at] = (hits[at] as number) + (part.hits[j] as number);
        ticks[at] = (ticks[at] as number) + (part.ticks[j] as number);
      }
    }
  return { items: Uint32Array.from(items), hits: packed(hits), ticks: packed(ticks), sum: parts.reduce((sum, part) => sum + part.sum, 0) };
}

/** In four bytes each where they fit; what goes down (a program's fault) or is huge takes eight. */
function packed(numbers: readonly number[]): Numbers {
  return numbers.every((n) => n >= 0 && n <= 0xffffffff) ? Uint32Array.from(numbers) : Float64Array.from(numbers);
}

function addSamples(lists: readonly (readonly Sample[])[]): Sample[] {
  const sums = new Map<StackNode, { running: number; all: number }>();
  for (const list of lists)
    for (const { node, running, all } of list) {
      const sum = sums.get(node);
      if (sum === undefined) sums.set(node, { running, all });
      else {
        sum.running += running;
        sum.all += all;
      }
    }
  return [...sums].map(([node, sum]) => ({ node, ...sum }));
}
