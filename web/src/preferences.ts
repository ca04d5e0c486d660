// preferences.ts — what the page remembers of its reader, in the browser's local storage. Without storage (private
// windows) it forgets.
import { type Editor, EDITORS, ownEditor, templateTrouble } from './editors';

export type Theme = 'auto' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

const THEME = 'heartrate.theme';
const TIME_COLUMN = 'heartrate.time-column';
const STACK_SHARE = 'heartrate.stack-share';
const FILES_WIDTH = 'heartrate.files-width';
const EDITOR = 'heartrate.editor';

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

/** How wide the list of files is, pixels; null: as wide as it fits the window. */
export function loadFilesWidth(): number | null {
  const kept = Number(load(FILES_WIDTH) ?? 'none');
  return kept >= 120 && kept <= 2000 ? kept : null;
}

export function saveFilesWidth(width: number): void {
  save(FILES_WIDTH, String(Math.round(width)));
}

/** A known editor by its id, or the template of another. */
export function loadEditor(): Editor {
  const kept = load(EDITOR) ?? '';
  const known = EDITORS.find((editor) => editor.id === kept);
  return known ?? (templateTrouble(kept) === null ? ownEditor(kept) : (EDITORS[0] as Editor));
}

export function saveEditor(editor: Editor): void {
  save(EDITOR, EDITORS.includes(editor) ? editor.id : editor.template);
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
