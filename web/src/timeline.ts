// timeline.ts — the reader's place in time: the newest picture (live, or a recording's end), a moment that is frozen or
// played from, a span that alone counts, and marks. Pure: app.ts tells it what the reader does and draws what it says.
//
// All times are ticks, the program's clock. What is asked for may lie outside of what is remembered: it is brought into
// it when the picture is made, not before, because a page that was just loaded remembers nothing yet.
import type { History } from './history';

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 100] as const;
const MARKS_MAX = 20;

/** A place in time, as the URL has it. */
export interface When {
  readonly at: number | null; // null: the newest
  readonly from: number | null; // what happened up to then does not count; null: all counts
  readonly until: number | null; // the span's end; null: open
  readonly marks: readonly number[];
}

export const NOW: When = { at: null, from: null, until: null, marks: [] };

export function isNow(when: When): boolean {
  return when.at === null && when.from === null && when.marks.length === 0;
}

export class Timeline {
  private when: When = NOW;
  private playedAt: number | null = null; // wall clock of the last step of playing; null: stands
  speed = 1;
  /** Another one whenever something else is to be shown or written into the URL. */
  edition = 0;

  get place(): When {
    return this.when;
  }

  get live(): boolean {
    return this.when.at === null;
  }

  get playing(): boolean {
    return this.playedAt !== null;
  }

  /** Is the picture made of what is remembered, not of what comes in? */
  get past(): boolean {
    return this.when.at !== null || this.when.from !== null;
  }

  go(when: When): void {
    this.playedAt = null;
    this.set(when);
  }

  /** Back to the newest, and all counts. Marks stay. */
  goLive(): void {
    this.go({ ...NOW, marks: this.when.marks });
  }

  /** On with what comes in; a span that has an end is left, an open one goes on. */
  resume(): void {
    const open = this.when.until === null;
    this.go({ ...this.when, at: null, from: open ? this.when.from : null, until: null });
  }

  /** All counts again, at the same moment. */
  clearSpan(): void {
    this.set({ ...this.when, from: null, until: null });
  }

  /** To a moment. Who leaves a span gives it up. */
  seek(tick: number): void {
    const { from, until } = this.when;
    const inside = (from === null || tick > from) && (until === null || tick <= until);
    this.playedAt = null;
    this.set({ ...this.when, at: tick, ...(inside ? {} : { from: null, until: null }) });
  }

  /** Only what happened after `from`, up to `until` or (null) for as long as it lasts. */
  select(from: number, until: number | null): void {
    this.go({ ...this.when, from, until, at: until });
  }

  pause(history: History): void {
    if (this.when.at === null) this.go({ ...this.when, at: history.end });
    else this.playedAt = null;
  }

  /** Plays from where the reader is; from the beginning of the span or of all when that is its end. */
  play(history: History, wall: number): void {
    const end = this.when.until ?? history.end;
    const begin = this.when.from ?? history.start;
    const at = this.when.at ?? history.end;
    this.set({ ...this.when, at: at >= end ? begin : at });
    this.playedAt = wall;
  }

  /** Moves a playing picture on. `live`: who arrives at the newest stays with it. */
  advance(history: History, wall: number, live: boolean): void {
    if (this.playedAt === null || this.when.at === null) return;
    const at = this.when.at + Math.max(0, wall - this.playedAt) * this.speed;
    const end = this.when.until ?? history.end;
    this.playedAt = wall;
    if (at < end) {
      this.when = { ...this.when, at };
      return;
    }
    this.playedAt = null;
    this.set({ ...this.when, at: this.when.until === null && live ? null : end });
  }

  /** To the next step, or to the one before. */
  step(history: History, forward: boolean): void {
    const at = this.tick(history);
    const tick = forward ? history.tickAfter(at) : history.tickBefore(at);
    if (tick !== null) this.seek(tick);
    else if (this.live) this.pause(history);
  }

  faster(by: 1 | -1): void {
    const index = SPEEDS.findIndex((speed) => speed === this.speed) + by;
    this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, index))] as number);
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.edition++;
  }

  /** Marks the moment shown and returns its number among the marks, from 0. Only what is hit from then on counts. */
  mark(history: History): number {
    const tick = this.tick(history);
    const marks = [...new Set([...this.when.marks, tick])].sort((a, b) => a - b).slice(-MARKS_MAX);
    this.set({ ...this.when, marks });
    this.select(tick, null);
    return marks.indexOf(tick);
  }

  unmark(tick: number): void {
    this.set({ ...this.when, marks: this.when.marks.filter((mark) => mark !== tick) });
    if (this.when.from === tick) this.clearSpan();
  }

  /** The moment shown: what is asked for, within what is remembered. */
  tick(history: History): number {
    return Math.min(history.end, Math.max(history.start, this.when.at ?? history.end));
  }

  private set(when: When): void {
    this.when = when;
    this.edition++;
  }
}

/** Its part of a URL's query. */
export function formatWhen({ at, from, until, marks }: When): string[] {
  const parts: string[] = [];
  if (from !== null) parts.push(`span=${Math.round(from)}-${until === null ? '' : Math.round(until)}`);
  if (at !== null && at !== until) parts.push(`at=${Math.round(at)}`);
  if (marks.length > 0) parts.push(`marks=${marks.map(Math.round).join(',')}`);
  return parts;
}

export function parseWhen(span: string | null, at: string | null, marks: string | null): When {
  const match = /^([0-9]{1,13})-([0-9]{0,13})$/.exec(span ?? '');
  const from = match === null ? null : Number(match[1]);
  const until = match === null || match[2] === '' ? null : Number(match[2]);
  const tick = /^[0-9]{1,13}$/.test(at ?? '') ? Number(at) : until;
  const list = (marks ?? '').split(',').filter((mark) => /^[0-9]{1,13}$/.test(mark)).map(Number);
  if (from !== null && until !== null && until <= from) return { ...NOW, at: tick, marks: list };
  return { at: tick, from, until, marks: list.sort((a, b) => a - b).slice(-MARKS_MAX) };
}

/** A program's clock for people: `0:03.25`, `12:03.2`, `1:02:03`. */
export function clockTime(tick: number): string {
  const s = Math.max(0, tick) / 1000;
  const h = Math.floor(s / 3600);
  const min = Math.floor(s / 60) % 60;
  const digits = h > 0 ? 0 : s >= 600 ? 1 : 2;
  const factor = 10 ** digits;
  const rest = (Math.floor((s % 60) * factor + 1e-6) / factor).toFixed(digits).padStart(digits === 0 ? 2 : 3 + digits, '0');
  return h > 0 ? `${h}:${String(min).padStart(2, '0')}:${rest}` : `${min}:${rest}`;
}
