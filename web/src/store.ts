// store.ts — what the page knows: frames are applied here, views read from here. No DOM, no network.
import { Heat } from './heat';
import { History } from './history';
import { LineTable } from './lines';
import { Pulses } from './pulses';
import { Samples } from './samples';
import type { Place } from './route';
import { Viewing } from './viewing';
import type { FileEntry, Note, Program, ProgramFrame, Sampler, Table, Thread, WireFrame } from './wire';

/** What changed since views were last brought up to date. */
export interface Changes {
  programs: boolean;
  pulses: boolean;
  program: boolean; // another one, or it started over
  files: boolean;
  totals: boolean;
  health: boolean; // drops, notes, sampler, tables
}

export function noChanges(): Changes {
  return {
    programs: false,
    pulses: false,
    program: false,
    files: false,
    totals: false,
    health: false,
  };
}

/** One program as it stands at a moment: now, or in the past (past.ts). All that views draw of it is in here. */
export class ProgramModel {
  gone = false;
  tick = 0;
  heardAt: number; // clock of the last frame
  activeAt: number; // clock of the last frame with hits in it; of the first frame, until there is one
  fileHeat = new Heat();
  threads: readonly Thread[] = [];
  drops: ReadonlyMap<string, number> = new Map();
  readonly notes: Note[] = [];
  sampler: Sampler | null = null;
  segmentTables: readonly Table[] = [];
  samples = new Samples();
  private readonly tables = new Map<number, LineTable>();
  private readonly colours = new Map<number, number>();

  constructor(
    readonly id: string,
    now: number,
    readonly files: FileEntry[] = [],
  ) {
    this.heardAt = this.activeAt = now;
  }

  /** The file that a path (and entry) names; of several entries of a path the newest. -1 none (yet). */
  fileAt(path: string, entry: number | null): number {
    if (entry !== null && this.files[entry]?.path === path) return entry;
    return this.files.findLastIndex((file) => file?.path === path);
  }

  /** Where the reader goes to see a line; an instruction that has none is in its file alone. */
  placeOf(file: number, line: number | null, thread: number | null): Place {
    const path = this.files[file]?.path ?? '';
    const entry = this.fileAt(path, null) === file ? null : file;
    return { program: this.id, file: path, entry, line: line === null || line < 1 ? null : line, thread, when: null };
  }

  /** Tick of a line's last hit, 0 when it never was or nothing is known of it. */
  lastTickOf(file: number, line: number): number {
    const table = this.tables.get(file);
    const item = table?.itemOf(line) ?? -1;
    return table === undefined || item === -1 ? 0 : table.lastTickOf(item);
  }

  /** The file to show when none is named: the caller's, else the hottest, else any that is traced. -1 none yet. */
  firstFile(caller: string): number {
    const callers = this.fileAt(caller, null);
    if (callers !== -1 && this.files[callers]?.traced === true) return callers;
    let best = -1;
    this.files.forEach((file, i) => {
      if (file.traced && (best === -1 || this.fileHeat.hitsOf(i) > this.fileHeat.hitsOf(best))) best = i;
    });
    return best;
  }

  /** The counts of a file, once a frame brought them. */
  table(file: number): LineTable | null {
    return this.tables.get(file) ?? null;
  }

  /** Which of the thread colours is a thread's: the lowest that was free when it appeared. */
  colourOf(thread: number): number {
    return this.colours.get(thread) ?? 0;
  }

  setThreads(threads: readonly Thread[]): void {
    this.threads = threads;
    const here = new Set(threads.map((thread) => thread.id));
    for (const id of this.colours.keys()) if (!here.has(id)) this.colours.delete(id);
    const taken = new Set(this.colours.values());
    for (const { id } of threads) {
      if (this.colours.has(id)) continue;
      let colour = 0;
      while (taken.has(colour)) colour++;
      taken.add(colour);
      this.colours.set(id, colour);
    }
  }

  /** The counts of a file to be added to, or made anew. */
  openTable(file: number, anew: boolean): LineTable {
    const known = anew ? undefined : this.tables.get(file);
    const table = known ?? new LineTable();
    if (known === undefined) this.tables.set(file, table);
    return table;
  }

  /** Threads keep the colours that they have in another picture of the same program. */
  takeColours(other: ProgramModel): void {
    for (const [thread, colour] of other.colours) this.colours.set(thread, colour);
  }
}

export class Store {
  programs: readonly Program[] | null = null; // null: not heard yet
  readonly pulses = new Pulses();
  model: ProgramModel | null = null;
  readonly viewing = new Viewing();
  /** hrview's clock minus this machine's, milliseconds: for "started … ago" of another machine's hrview. */
  skew = 0;
  /** Of the program followed. */
  history: History | null = null;
  /** False: the history comes from elsewhere, a recording. */
  keepsHistory = true;
  changes = noChanges();

  programOf(id: string): Program | null {
    return this.programs?.find((program) => program.id === id) ?? null;
  }

  /** The live program with the most hits a second, null none. */
  busiest(): string | null {
    const live = (this.programs ?? []).filter(({ state }) => state === 'live');
    const rate = ({ id }: Program): number => this.pulses.of(id)?.rates.at(-1) ?? 0;
    return live.reduce<Program | null>((best, one) => (best === null || rate(one) > rate(best) ? one : best), null)?.id ?? null;
  }

  /** `now` is the picture's clock, `wall` this machine's milliseconds since 1970. */
  apply(frame: WireFrame, now: number, wall: number): void {
    this.skew = frame.now - wall;
    this.viewing.take(frame);
    if (frame.programs !== null) {
      this.programs = frame.programs;
      this.changes.programs = true;
    }
    if (frame.pulses !== null) {
      this.pulses.take(frame.pulses, frame.now);
      this.changes.pulses = true;
    }
    if (frame.program !== null) this.applyProgram(frame.program, frame.more, now);
  }

  takeChanges(): Changes {
    const changes = this.changes;
    this.changes = noChanges();
    return changes;
  }

  private applyProgram(frame: ProgramFrame, more: boolean, now: number): void {
    const changes = this.changes;
    if (frame.gone) {
      if (this.model?.id !== frame.id) this.model = new ProgramModel(frame.id, now);
      changes.program ||= !this.model.gone;
      this.model.gone = true;
      return;
    }
    const startsOver = frame.full || this.model === null || this.model.id !== frame.id;
    if (startsOver) {
      this.model = new ProgramModel(frame.id, now);
      changes.program = changes.health = true;
    }
    const model = this.model as ProgramModel;
    const before = startsOver ? frame.tick : model.tick;
    model.tick = frame.tick;
    model.heardAt = now;
    for (const file of frame.files) model.files[file.index] = file;
    changes.files ||= frame.files.length > 0;
    this.applyTotals(model, frame, startsOver, now);
    for (const { file, full, lines } of frame.linesOf) {
      const anew = full || model.table(file) === null;
      model.openTable(file, anew).apply(lines, anew, now);
    }
    if (frame.threads !== null) model.setThreads(frame.threads);
    if (frame.tick > before) model.samples.take(model.threads, model.files);
    this.remember(frame, more);
    if (frame.drops !== null) model.drops = frame.drops;
    if (frame.sampler !== null) model.sampler = frame.sampler;
    if (frame.tables !== null) model.segmentTables = frame.tables;
    model.notes.push(...frame.notes);
    changes.health ||= frame.drops !== null || frame.sampler !== null || frame.tables !== null || frame.notes.length > 0;
  }

  private applyTotals(model: ProgramModel, frame: ProgramFrame, startsOver: boolean, now: number): void {
    for (let i = 0; i < frame.totals.length; i += 3) {
      const file = frame.totals[i] as number;
      const hits = frame.totals[i + 1] as number;
      if (startsOver) model.fileHeat.seed(file, hits);
      else model.fileHeat.advance(file, hits, now);
    }
    if (frame.totals.length === 0) return;
    if (!startsOver) model.activeAt = now;
    this.changes.totals = true;
  }

  private remember(frame: ProgramFrame, more: boolean): void {
    if (!this.keepsHistory) return;
    if (this.history?.program !== frame.id) this.history = new History(frame.id);
    this.history.take(frame, more);
  }
}
