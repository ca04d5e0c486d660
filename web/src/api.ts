// api.ts — what a script in the page (a test, a bookmarklet) may ask: `window.heartrate`, documented in
// docs/architecture.md. Read-only; it answers from the same data that is drawn.
import type { App } from './app';
import type { Link } from './connection';

export interface HeartrateApi {
  /** Instance of the program shown, null none. */
  program(): string | null;
  /** Path of the file shown, null none. */
  file(): string | null;
  /** Exact hits of each line of the file shown that can be hit; null before they have come. */
  lines(): Record<number, number> | null;
  /** Hits of the traced files by path; entries of one path are added up. */
  files(): Record<string, number>;
  link(): Link['state'];
  paused(): boolean;
}

declare global {
  interface Window {
    readonly heartrate: HeartrateApi;
  }
}

export function publishApi(app: App): void {
  const api: HeartrateApi = {
    program: () => app.model?.id ?? null,
    file: () => app.model?.files[app.shownFile]?.path ?? null,
    lines: () => {
      const table = app.model?.table(app.shownFile) ?? null;
      if (table === null) return null;
      return Object.fromEntries(table.lines.map((line, item) => [line, table.hitsOf(item)]));
    },
    files: () => {
      const sums: Record<string, number> = {};
      app.model?.files.forEach((file, i) => {
        if (file.traced) sums[file.path] = (sums[file.path] ?? 0) + (app.model?.fileHeat.hitsOf(i) ?? 0);
      });
      return sums;
    },
    link: () => app.linkState,
    paused: () => app.isPaused,
  };
  Object.defineProperty(window, 'heartrate', { value: Object.freeze(api) });
}
