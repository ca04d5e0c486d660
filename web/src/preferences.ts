// preferences.ts — what the page remembers of its reader, in the browser's local storage. Without storage (private
// windows) it forgets.

export type Theme = 'auto' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

const THEME = 'heartrate.theme';
const TIME_COLUMN = 'heartrate.time-column';
const STACK_SHARE = 'heartrate.stack-share';

export function loadTheme(): Theme {
  const kept = load(THEME);
  return THEMES.find((theme) => theme === kept) ?? 'auto';
}

export function saveTheme(theme: Theme): void {
  save(THEME, theme);
}

/** How much of the height the stacks take, 0 to 1. */
export function loadStackShare(): number {
  const kept = Number(load(STACK_SHARE));
  return kept >= 0.1 && kept <= 0.8 ? kept : 0.3;
}

export function saveStackShare(share: number): void {
  save(STACK_SHARE, share.toFixed(3));
}

/** Whether the strip has a column for the share of time. */
export function loadTimeColumn(): boolean {
  return load(TIME_COLUMN) === 'on';
}

export function saveTimeColumn(on: boolean): void {
  save(TIME_COLUMN, on ? 'on' : 'off');
}

function load(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function save(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // nothing to be done about it, and nothing lost but a habit
  }
}
