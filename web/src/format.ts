// format.ts — numbers and spans of time as a reader wants them.

const SUFFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** The exact figure, thousands apart: `1,234,567`. Above 2^53 a figure is not exact, and says so. */
export function exact(n: number): string {
  if (n > Number.MAX_SAFE_INTEGER) return `≈${compact(n)}`;
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** At most four characters and a suffix: `999`, `1.2k`, `12k`, `123k`, `1.2M`. Rounded down: never more than there is. */
export function compact(n: number): string {
  let suffix = 0;
  while (n >= 1000 ** (suffix + 1) && suffix < SUFFIXES.length - 1) suffix++;
  if (suffix === 0) return String(Math.floor(n));
  const tenths = Math.floor(n / (1000 ** suffix / 10));
  return `${tenths < 100 ? tenths / 10 : Math.floor(tenths / 10)}${SUFFIXES[suffix]}`;
}

/** The exact figure where it fits into `chars` characters, else the compact one. */
export function fitted(n: number, chars: number): string {
  const full = exact(n);
  return full.length <= chars ? full : compact(n);
}

/** `0.4/s`, `12/s`, `1.2k/s`: an estimate, three figures at most. */
export function perSecond(rate: number): string {
  if (rate >= 9.95) return `${compact(Math.round(rate))}/s`;
  if (rate >= 0.05) return `${rate.toFixed(1)}/s`;
  return '0/s';
}

/** `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 12 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 10) return `${(Math.floor(s * 10) / 10).toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min ${Math.floor(s % 60)} s`;
  const h = Math.floor(min / 60);
  if (h < 24) return `${h} h ${min % 60} min`;
  return `${Math.floor(h / 24)} d ${h % 24} h`;
}

/** A share of a whole: `34 %`, `3.4 %`, `< 0.1 %`. */
export function percent(share: number): string {
  const p = share * 100;
  if (p === 0) return '0 %';
  if (p < 0.1) return '< 0.1 %';
  return p < 10 ? `${p.toFixed(1)} %` : `${Math.round(p)} %`;
}
