// pulses.ts — how each program of the list is doing: its hits a second over the last half minute, and its threads.
import type { Pulse } from './wire';

export const RATES_KEPT = 60; // half a minute at two a second
const SAME_LOOK_MS = 100; // closer than this two looks give a rate of noise

export interface Doing {
  readonly hits: number;
  readonly threads: number;
  readonly rates: readonly number[]; // hits a second from look to look, oldest first; empty after the first look
}

interface Kept extends Doing {
  readonly at: number;
}

export class Pulses {
  private kept = new Map<string, Kept>();

  of(id: string): Doing | null {
    return this.kept.get(id) ?? null;
  }

  /** `at` is hrview's clock, milliseconds. Programs that are not among them are forgotten. */
  take(pulses: readonly Pulse[], at: number): void {
    const next = new Map<string, Kept>();
    for (const { id, hits, threads } of pulses) next.set(id, step(this.kept.get(id), hits, threads, at));
    this.kept = next;
  }
}

function step(before: Kept | undefined, hits: number, threads: number, at: number): Kept {
  if (before === undefined) return { hits, threads, at, rates: [] };
  const ms = at - before.at;
  if (ms < SAME_LOOK_MS) return { ...before, threads }; // its hits count for the next rate
  const rate = (Math.max(0, hits - before.hits) * 1000) / ms;
  return { hits, threads, at, rates: [...before.rates, rate].slice(-RATES_KEPT) };
}

/** The points of a curve of rates, newest at the right edge, as an SVG polyline wants them; the highest fills it. */
export function curve(rates: readonly number[], width: number, height: number): string {
  const top = Math.max(...rates, 1);
  const step = width / (RATES_KEPT - 1);
  const first = width - (rates.length - 1) * step;
  return rates.map((rate, i) => `${(first + i * step).toFixed(1)},${(height - (rate / top) * height).toFixed(1)}`).join(' ');
}
