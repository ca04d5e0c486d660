// heat.ts — how hot the items of a family are: the lines of a file, the files of a program.
//
// The picture is the one of Alex Hall's heartrate: windows from short to long, in each an item's share of the
// family's hits, drawn over one another: longer = more hits, lighter = more recent. There the windows are the last
// 1, 2, 4 … 1,024 hits; a reader that sees totals at its own pace counts them in time: ten windows that forget with
// time constants 0.1 s, 0.2 s … 51.2 s, and one that never forgets.
//
// Forward decay (Cormode, Shkapenyuk, Srivastava, Xu: "Forward decay", ICDE 2009): a hit at time t weighs
// exp((t − landmark)/τ) and its weight never changes, so resting items cost nothing; shares are ratios of weights of
// the same window, so the common factor exp((landmark − now)/τ) drops out. What makes a picture die away when the
// whole family rests is a separate fade by the age of the family's last hit.

export const WINDOWS = 11;
const DECAYING = WINDOWS - 1;
const ALL_TIME = WINDOWS - 1;
const SHORTEST_MS = 100;
const GRACE_MS = 120; // hits come about every 50 ms in one lump: a family that is hit all the time must not flicker
const EXPONENT_MAX = 300; // e^300 times 2^64 hits is still a double

/** Time constant of window k. */
export function windowMs(k: number): number {
  return SHORTEST_MS * 2 ** k;
}

export class Heat {
  private weights = new Float64Array(0); // item × DECAYING
  private hits = new Float64Array(0);
  private readonly sums = new Float64Array(DECAYING);
  private readonly peaks = new Float64Array(DECAYING); // largest weight of an item
  private readonly landmarks = new Float64Array(DECAYING).fill(Number.NaN);
  private readonly factors = new Float64Array(DECAYING); // weight of one hit at this.at
  private readonly fades = new Float64Array(DECAYING);
  private at = Number.NaN;
  private lastHit = Number.NEGATIVE_INFINITY;
  private hitSum = 0;
  private hitPeak = 0;

  /** Hits of all items since the program's start. */
  get total(): number {
    return this.hitSum;
  }

  /** Hits of the item with the most. */
  get peak(): number {
    return this.hitPeak;
  }

  hitsOf(item: number): number {
    return this.hits[item] ?? 0;
  }

  /** Sets an item's hits to what they were found to be, saying nothing of when they happened. */
  seed(item: number, hits: number): void {
    this.reserve(item);
    this.hitSum += hits - this.hitsOf(item);
    this.hits[item] = hits;
    if (hits > this.hitPeak) this.hitPeak = hits;
  }

  /** An item has come to `hits`: what it has more than before happened about `now` (milliseconds, not falling). */
  advance(item: number, hits: number, now: number): void {
    const delta = hits - this.hitsOf(item);
    this.seed(item, hits);
    if (delta <= 0) return;
    if (now !== this.at) this.moveTo(now);
    this.lastHit = now;
    for (let k = 0; k < DECAYING; k++) {
      const cell = item * DECAYING + k;
      const gain = delta * (this.factors[k] as number);
      const weight = (this.weights[cell] as number) + gain;
      this.weights[cell] = weight;
      this.sums[k] = (this.sums[k] as number) + gain;
      if (weight > (this.peaks[k] as number)) this.peaks[k] = weight;
    }
  }

  /** Prepares levels() for a moment: call it once, then levels() for each item that is drawn. */
  look(now: number): void {
    const age = Math.max(0, now - this.lastHit - GRACE_MS);
    let scale = this.hitSum > 0 ? this.hitPeak / this.hitSum : 0;
    for (let k = 0; k < DECAYING; k++) {
      const sum = this.sums[k] as number;
      if (sum > 0) scale = Math.max(scale, ((this.peaks[k] as number) / sum) * ((k + 1) / WINDOWS));
    }
    for (let k = 0; k < DECAYING; k++) {
      const sum = this.sums[k] as number;
      this.fades[k] = sum > 0 && scale > 0 ? (Math.exp(-age / windowMs(k)) * (k + 1)) / WINDOWS / sum / scale : 0;
    }
    this.allTimeFactor = scale > 0 ? 1 / this.hitSum / scale : 0;
  }
  private allTimeFactor = 0;

  /** Lengths of an item's bars, 0 to 1, from the shortest window (lightest, drawn last) to all time (darkest, drawn
   * first), into out[offset …]. The longest bar of the family is 1. */
  levels(item: number, out: Float32Array, offset: number): void {
    for (let k = 0; k < DECAYING; k++)
      out[offset + k] = (this.weights[item * DECAYING + k] ?? 0) * (this.fades[k] as number);
    out[offset + ALL_TIME] = this.hitsOf(item) * this.allTimeFactor;
  }

  /** Hits per second of an item over about the last two seconds. */
  rate(item: number, now: number): number {
    return this.rateOf(this.weights[item * DECAYING + RATE_WINDOW] ?? 0, now);
  }

  /** The item with the highest rate, null when nothing has been hit for long. */
  fastest(now: number): number | null {
    let best = -1;
    let most = 0;
    for (let cell = RATE_WINDOW; cell < this.weights.length; cell += DECAYING)
      if ((this.weights[cell] as number) > most) {
        most = this.weights[cell] as number;
        best = (cell - RATE_WINDOW) / DECAYING;
      }
    return this.rateOf(most, now) < SLOWEST ? null : best;
  }

  /** Hits per second of the family. */
  rateOfAll(now: number): number {
    return this.rateOf(this.sums[RATE_WINDOW] as number, now);
  }

  private rateOf(weight: number, now: number): number {
    if (weight === 0) return 0;
    const tau = windowMs(RATE_WINDOW);
    return (weight * Math.exp(((this.landmarks[RATE_WINDOW] as number) - now) / tau) * 1000) / tau;
  }

  private moveTo(now: number): void {
    this.at = now;
    for (let k = 0; k < DECAYING; k++) {
      const tau = windowMs(k);
      const landmark = this.landmarks[k] as number;
      if (Number.isNaN(landmark)) this.landmarks[k] = now;
      else if ((now - landmark) / tau > EXPONENT_MAX) this.rebase(k, now);
      this.factors[k] = Math.exp((now - (this.landmarks[k] as number)) / tau);
    }
  }

  /** Moves a window's landmark to now, before weights outgrow a double. */
  private rebase(k: number, now: number): void {
    const shrink = Math.exp(((this.landmarks[k] as number) - now) / windowMs(k));
    for (let cell = k; cell < this.weights.length; cell += DECAYING)
      this.weights[cell] = (this.weights[cell] as number) * shrink;
    this.sums[k] = (this.sums[k] as number) * shrink;
    this.peaks[k] = (this.peaks[k] as number) * shrink;
    this.landmarks[k] = now;
  }

  private reserve(item: number): void {
    if (item < this.hits.length) return;
    const capacity = Math.max(64, item + 1, this.hits.length * 2);
    this.hits = grown(this.hits, capacity);
    this.weights = grown(this.weights, capacity * DECAYING);
  }
}

const RATE_WINDOW = 4; // 1.6 s
const SLOWEST = 0.01; // hits a second that still are any

function grown(old: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(length);
  next.set(old);
  return next;
}
