// theme.ts — light or dark: as the reader has chosen, or as the screen is.
import type { Tone } from './colour';
import type { Theme } from './preferences';

export const darkScreen = matchMedia('(prefers-color-scheme: dark)');

/** Has the style sheet follow a theme. What it comes to here and now is for what is drawn without the style sheet. */
export function applyTheme(theme: Theme): Tone {
  const tone = theme === 'dark' || (theme === 'auto' && darkScreen.matches) ? 'dark' : 'light';
  document.documentElement.dataset['tone'] = tone;
  return tone;
}
