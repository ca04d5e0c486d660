// api.ts — what a script in the page (a test, a bookmarklet) may ask: `window.heartrate`, documented in
// docs/architecture.md. Read-only; it answers from the same data that is drawn.
import type { Link } from './connection';
import type { Session } from './session';

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

export function publishApi(session: Session): void {
  const api: HeartrateApi = {
    program: () => session.model?.id ?? null,
    file: () => session.model?.files[session.file]?.path ?? null,
    lines: () => {
      const table = session.model?.table(session.file) ?? null;
      if (table === null) return null;
      return Object.fromEntries(table.lines.map((line, item) => [line, table.hitsOf(item)]));
    },
    files: () => {
      const sums: Record<string, number> = {};
      session.model?.files.forEach((file, i) => {
        if (file.traced) sums[file.path] = (sums[file.path] ?? 0) + (session.model?.fileHeat.hitsOf(i) ?? 0);
      });
      return sums;
    },
    link: () => session.link.state,
    paused: () => session.time.frozen,
  };
  Object.defineProperty(window, 'heartrate', { value: Object.freeze(api) });
}
