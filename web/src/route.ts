// route.ts — every view has a URL, in the part after `#`:
//
//   #/                                     all programs
//   #/p/INSTANCE                           a program; its caller's file opens
//   #/p/INSTANCE?file=PATH                 a file of it
//   #/p/INSTANCE?file=PATH&line=N          at a line
//   …&at=T  &span=A-B  &span=A-  &marks=A,B  a moment, a span that alone counts, marks (timeline.ts); ticks, which are
//                                          milliseconds since the program's start
//   #/p/INSTANCE?file=PATH&entry=I         where a path has several entries (it changed while the program ran), not
//                                          the newest but the one with this index
//   …&thread=ID                            with this thread alone in the stacks
//
// An empty fragment lets the page choose: the only live program, else all.
import { formatWhen, parseWhen, type When } from './timeline';

export interface Place {
  readonly program: string | null;
  readonly file: string | null;
  readonly entry: number | null;
  readonly line: number | null;
  readonly thread: number | null;
  /** null: does not say; the reader stays where he is in time. */
  readonly when: When | null;
}

export const HOME: Place = { program: null, file: null, entry: null, line: null, thread: null, when: null };

/** null: the page may choose. What makes no sense leads home. */
export function parseRoute(hash: string): Place | null {
  if (hash === '' || hash === '#') return null;
  const match = /^#[/]p[/]([0-9a-f]{16})(?:[?](.*))?$/.exec(hash);
  if (match === null) return HOME;
  const query = new URLSearchParams(match[2] ?? '');
  return {
    program: match[1] as string,
    file: query.get('file'),
    entry: natural(query.get('entry')),
    line: natural(query.get('line')),
    thread: natural(query.get('thread')),
    when: ['at', 'span', 'marks'].some((key) => query.has(key)) ? parseWhen(query.get('span'), query.get('at'), query.get('marks')) : null,
  };
}

/** Is which program, or which file of it, for hrview to say? `place` as parseRoute() has it. */
export function leavesOpen(place: Place | null): boolean {
  return place === null || (place.program !== null && place.file === null);
}

export function formatRoute(place: Place): string {
  if (place.program === null) return '#/';
  const query: string[] = [];
  if (place.file !== null) query.push(`file=${readable(place.file)}`);
  if (place.entry !== null) query.push(`entry=${place.entry}`);
  if (place.line !== null) query.push(`line=${place.line}`);
  if (place.thread !== null) query.push(`thread=${place.thread}`);
  if (place.when !== null) query.push(...formatWhen(place.when));
  return `#/p/${place.program}${query.length > 0 ? `?${query.join('&')}` : ''}`;
}

function natural(text: string | null): number | null {
  return text !== null && /^[0-9]{1,16}$/.test(text) ? Number(text) : null;
}

/** Encoded, but for slashes: paths are for people. */
function readable(path: string): string {
  return encodeURIComponent(path).replace(/%2F/g, '/');
}
