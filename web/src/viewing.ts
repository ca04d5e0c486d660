// viewing.ts — what looking at programs costs: hrview's processor time, and the frames this page gets for it. Pure.
import type { WireFrame } from './wire';

const KEPT = 10; // of hrview's words on its cost, one a second

export interface ViewingCost {
  readonly share: number; // of a core, hrview with all its pages
  readonly framesPerSecond: number; // of this page
}

export class Viewing {
  private frames = 0;
  private readonly told: { now: number; cpuMs: number; frames: number }[] = [];

  take({ now, viewerCpuMs }: WireFrame): void {
    this.frames++;
    if (viewerCpuMs === null) return;
    const last = this.told.at(-1);
    if (last !== undefined && (viewerCpuMs < last.cpuMs || now <= last.now)) this.told.length = 0; // another hrview, or clock
    this.told.push({ now, cpuMs: viewerCpuMs, frames: this.frames });
    if (this.told.length > KEPT) this.told.shift();
  }

  /** Of the last seconds; null before there are any. */
  get cost(): ViewingCost | null {
    const [first, last] = [this.told[0], this.told.at(-1)];
    if (first === undefined || last === undefined || first === last) return null;
    const ms = last.now - first.now;
    return { share: (last.cpuMs - first.cpuMs) / ms, framesPerSecond: ((last.frames - first.frames) * 1000) / ms };
  }
}
