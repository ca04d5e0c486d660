// clock.ts — the time that the picture lives in: milliseconds that stand still while it is paused or out of touch, so
// that what is frozen neither ages nor fades.

export class Clock {
  private stoppedAt: number | null = null;
  private lost = 0; // milliseconds stood still so far

  constructor(private readonly source: () => number = () => performance.now()) {}

  now(): number {
    return (this.stoppedAt ?? this.source()) - this.lost;
  }

  run(running: boolean): void {
    if (!running) this.stoppedAt ??= this.source();
    else if (this.stoppedAt !== null) {
      this.lost += this.source() - this.stoppedAt;
      this.stoppedAt = null;
    }
  }
}
