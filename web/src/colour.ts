// colour.ts — the colours that canvases draw with, for light and dark. What HTML shows is coloured by style/*.css.
import { WINDOWS } from './heat';

export type Tone = 'light' | 'dark';

/** Bars from the shortest window (lightest) to all time (darkest), as CSS colours: one blue ramp, whose lightness alone
 * carries the meaning, so that no colour blindness takes it away. */
export function ramp(tone: Tone): readonly string[] {
  return RAMPS[tone];
}

function makeRamp(dark: Stop, middle: Stop, light: Stop): readonly string[] {
  return Array.from({ length: WINDOWS }, (_, k) => {
    const x = 1 - k / (WINDOWS - 1); // 0 all time, 1 most recent
    const [h, s, l] = x < 0.5 ? between(dark, middle, x * 2) : between(middle, light, x * 2 - 1);
    return `hsl(${h.toFixed(1)} ${s.toFixed(1)}% ${l.toFixed(1)}%)`;
  });
}

type Stop = readonly [hue: number, saturation: number, lightness: number];

function between(a: Stop, b: Stop, x: number): Stop {
  return [a[0] + (b[0] - a[0]) * x, a[1] + (b[1] - a[1]) * x, a[2] + (b[2] - a[2]) * x];
}

const RAMPS: Readonly<Record<Tone, readonly string[]>> = {
  dark: makeRamp([228, 70, 34], [222, 95, 60], [205, 100, 97]),
  light: makeRamp([230, 62, 34], [221, 90, 58], [199, 100, 84]),
};

/** How many threads have a colour of their own; style/source.css and stacks.css hold the same number. */
export const THREAD_COLOURS = 8;

/** A CSS class for a thread's colour. */
export function threadClass(colour: number): string {
  return `t${colour % THREAD_COLOURS}`;
}
