// trouble.ts — what is wrong or over, in words: which messages stand above the picture. Pure.
import type { Link } from './connection';
import { exact, percent } from './format';
import type { Loading } from './recording';
import type { ProgramModel } from './store';
import { clockTime, type When } from './timeline';
import type { FileEntry, Program, Table } from './wire';

export type Severity = 'info' | 'warn' | 'error';

export interface Message {
  readonly key: string; // the same trouble has the same key
  readonly severity: Severity;
  readonly title: string;
  readonly text: string;
}

export function linkMessage(link: Link): Message | null {
  if (link.state === 'refused')
    return {
      key: 'refused',
      severity: 'error',
      title: link.why.startsWith('a token is needed') ? 'A token is needed' : 'Not let in',
      text: `hrview answers: ${link.why}.`,
    };
  if (link.state !== 'lost') return null;
  return {
    key: 'link',
    severity: 'warn',
    title: 'hrview is gone',
    text: `The picture is the last one it gave. Connecting again by itself as soon as it is back (${link.why}).`,
  };
}

/** The reader asks for more of the past than is remembered, with a URL of before the page was loaded for one. */
export function pastMessage(when: When, begin: number): Message | null {
  const asked = Math.min(when.from ?? Infinity, when.at ?? Infinity);
  if (asked >= begin) return null;
  const text = `The URL asks for ${clockTime(asked)} of the program’s time. What this page has received begins at ${clockTime(begin)}, and is shown from there.`;
  return { key: 'past', severity: 'info', title: 'Not remembered so far back', text };
}

/** What is to be said of a recording that is shown in place of a program; `atEnd`: its last moment is. */
export function recordingMessage(loading: Loading, program: Program | null, atEnd: boolean): Message | null {
  if (loading.state === 'failed')
    return { key: 'recording', severity: 'error', title: 'The recording cannot be loaded', text: `What came of it is shown. ${loading.why}.` };
  if (loading.state === 'loading')
    return { key: 'recording', severity: 'info', title: 'Recording', text: `loading, ${percent(loading.share)}` };
  if (loading.torn)
    return { key: 'recording', severity: 'warn', title: 'The recording is torn', text: 'Its end is missing: the recorder was killed, or the file is damaged.' };
  if (!atEnd || program?.state !== 'live') return null;
  return { key: 'recording', severity: 'info', title: 'The recording ends here', text: 'The program was still running.' };
}

export function programMessages(program: Program | null, model: ProgramModel | null): Message[] {
  const messages: Message[] = [];
  if (model?.gone === true)
    messages.push({
      key: 'gone',
      severity: 'info',
      title: 'No longer there',
      text: 'This program’s record has been removed (hrview clean, or newer programs took its place).',
    });
  else if (program !== null) {
    const message = stateMessage(program);
    if (message !== null) messages.push(message);
  }
  const taken = takenOver(model);
  if (taken !== null)
    messages.push({
      key: 'taken',
      severity: 'warn',
      title: 'Tracing was taken over',
      text: `${taken} Counts stand still until it gives the trace function back.`,
    });
  return messages;
}

const ENDED = { title: 'Ended', text: 'The program has ended. These counts are final.' };

const ENDS: Readonly<Record<string, { title: string; text: string }>> = {
  stopped: { title: 'Tracing stopped', text: 'The program called stop() and ran on. These counts are final.' },
  exec: { title: 'Became another program', text: 'The process ran exec. These counts are final.' },
};

function stateMessage(program: Program): Message | null {
  switch (program.state) {
    case 'live':
      return null;
    case 'closed':
      return { key: 'ended', severity: 'info', ...(ENDS[program.why] ?? ENDED) };
    case 'dead':
      return {
        key: 'dead',
        severity: 'error',
        title: 'Killed or crashed',
        text: 'The process is gone without having ended well. These are the counts up to its last moment.',
      };
    case 'unknown':
      return {
        key: 'unknown',
        severity: 'info',
        title: program.why ? 'Out of sight' : 'Another container',
        text: program.why
          ? `Nothing of it can be read: ${program.why}.`
          : 'The process lives in another pid namespace: whether it still runs cannot be told from here.',
      };
    case 'corrupt':
      return {
        key: 'corrupt',
        severity: 'error',
        title: 'Corrupt',
        text: `What the program left in shared memory cannot be trusted: ${program.why || 'no reason given'}.`,
      };
  }
}

const IDLE_MS = 2500;

/** How long a live program has not hit a traced line, milliseconds; null: it does, or it is not alive. `now` is the
 * picture's clock. */
export function idleMs(program: Program, model: ProgramModel, now: number): number | null {
  const ms = now - model.activeAt;
  return program.state === 'live' && ms >= IDLE_MS ? ms : null;
}

/** The note that tells who holds the trace function, while nobody has given it back. */
function takenOver(model: ProgramModel | null): string | null {
  if (model === null) return null;
  for (let i = model.notes.length - 1; i >= 0; i--) {
    const note = model.notes[i];
    if (note?.kind === 'resumed') return null;
    if (note?.kind === 'taken-over') return note.text.endsWith('.') ? note.text : `${note.text}.`;
  }
  return null;
}

/** What a file's view says of itself: that it is not traced and how to change that, that its text is not the one that runs. */
export function fileMessages(file: FileEntry, changed: boolean, failed: string | null): Message[] {
  const messages: Message[] = [];
  if (failed !== null)
    messages.push({ key: 'source', severity: 'warn', title: 'No source', text: `${failed}. Counts are shown without it.` });
  else if (changed)
    messages.push({
      key: 'changed',
      severity: 'warn',
      title: 'Changed on disk',
      text: 'This text is not the one that runs: the file was changed after the program loaded it. Counts belong to the old lines.',
    });
  if (!file.traced)
    messages.push({
      key: 'untraced',
      severity: 'info',
      title: 'Not traced',
      text: `To count its lines: trace(files=files.path_contains(${pythonString(file.path)}))`,
    });
  return messages;
}

function pythonString(text: string): string {
  return `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;
}

const DROP_WORDS: Readonly<Record<string, string>> = {
  hits: 'line hits not counted',
  codes: 'functions not counted: a table or /dev/shm is full',
  files: 'files left out: their table is full',
  strings: 'texts cut: their table is full',
  threads: 'threads left out: their table is full',
  tasks: 'tasks left out: their table is full',
  sources: 'source texts left out: no room',
  notes: 'notes left out: their table is full',
  memory: 'times /dev/shm was full',
  frames: 'stack frames without a name',
};

/** Drops in words, one a kind. */
export function dropTexts(drops: ReadonlyMap<string, number>): string[] {
  return [...drops].filter(([, n]) => n > 0).map(([kind, n]) => `${exact(n)} ${DROP_WORDS[kind] ?? kind}`);
}

const NEARLY_FULL = 0.9;

export function fillOf({ used, capacity }: Table): number {
  return capacity === 0 ? 0 : used / capacity;
}

/** The reader should know: what comes next may find no room. */
export function isNearlyFull(table: Table): boolean {
  return fillOf(table) > NEARLY_FULL;
}

/** The table that will be full first; null when nothing is known of them. */
export function fullest(tables: readonly Table[]): Table | null {
  return tables.reduce<Table | null>((best, table) => (best === null || fillOf(table) > fillOf(best) ? table : best), null);
}
