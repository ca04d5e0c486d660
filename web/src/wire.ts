// wire.ts — what the page and hrview say to each other (docs/wire.md): requests encoded, frames decoded and judged.
//
// A frame is foreign data: `unknown` goes in, a typed frame comes out, or a WireError that names the place. Nothing
// else in the page looks at what the network brought.
import { decode } from '@msgpack/msgpack';

export const WIRE_VERSION = 1;
export const NO_FILE = 0xffffffff;
/** A file's index is below this (a segment of 256 MB has 16,384 files): the page keeps tables by it. */
const FILES_MAX = 2 ** 20;
const FULL = 1;
const ALL = 2;
const LEAD = 4;

export type ProgramState = 'live' | 'closed' | 'dead' | 'unknown' | 'corrupt';

export interface Program {
  readonly id: string;
  readonly pid: number;
  readonly name: string;
  readonly state: ProgramState;
  readonly why: string;
  readonly argv: readonly string[];
  readonly python: string;
  readonly parent: string | null;
  readonly start: number; // milliseconds since 1970
  readonly end: number | null;
  readonly caller: string;
}

export interface Pulse {
  readonly id: string;
  readonly hits: number; // of all lines together
  readonly threads: number;
}

export interface FileEntry {
  readonly index: number;
  readonly path: string;
  readonly traced: boolean;
  readonly disk: boolean;
  readonly source: boolean; // its text can be asked for
  readonly changed: boolean;
}

export interface Frame {
  readonly file: number; // -1 none
  readonly function: string;
  readonly line: number;
  readonly endLine: number; // this and the columns: -1 unknown
  readonly col: number; // 0-based UTF-8 bytes of the source line
  readonly endCol: number;
}

export type RunState = 'running' | 'sleeping' | 'stopped' | 'unknown';

export interface Thread {
  readonly id: number;
  readonly native: number;
  readonly name: string;
  readonly task: boolean;
  readonly state: RunState;
  readonly since: number; // tick
  readonly tick: number;
  readonly depth: number;
  readonly elidedAt: number;
  readonly frames: readonly Frame[]; // outermost first
}

export interface Note {
  readonly kind: string;
  readonly tick: number;
  readonly text: string;
}

export interface Sampler {
  readonly cpuMs: number;
  readonly samples: number;
}

/** How full a table of the segment is. */
export interface Table {
  readonly name: string;
  readonly used: number;
  readonly capacity: number;
}

/** Flat triples: what, hits, last tick. */
export type Triples = readonly number[];

/** Lines of a file: all that can be hit (`full`), or those that changed. */
export interface FileLines {
  readonly file: number;
  readonly full: boolean;
  readonly lines: Triples;
}

/** The text of a file. */
export interface FileText {
  readonly file: number;
  readonly text: string;
  readonly changed: boolean; // it is not what the program loaded
}

export interface ProgramFrame {
  readonly id: string;
  readonly full: boolean;
  readonly gone: boolean;
  readonly tick: number;
  readonly files: readonly FileEntry[];
  readonly totals: Triples;
  readonly linesOf: readonly FileLines[];
  readonly threads: readonly Thread[] | null; // null: as before
  readonly drops: ReadonlyMap<string, number> | null; // null: as before
  readonly notes: readonly Note[];
  readonly sampler: Sampler | null;
  readonly tables: readonly Table[] | null; // null: as before
  readonly source: FileText | null;
}

export interface WireFrame {
  readonly now: number; // hrview's clock, milliseconds since 1970
  readonly more: boolean; // what did not fit into this frame comes with the next
  readonly programs: readonly Program[] | null; // null: as before
  readonly pulses: readonly Pulse[] | null; // null: not looked at
  readonly program: ProgramFrame | null;
  readonly recording: boolean; // hrview shows one, and no programs as they run
  readonly viewerCpuMs: number | null; // processor time of hrview; null: not told this time
}

/** The page always asks for the lines of all files, because it keeps their history. */
export interface Request {
  readonly full: boolean;
  readonly lead: boolean; // which program and which file are not named: hrview shows the only program, and its caller's text
  readonly program: string | null; // instance, 16 hexadecimal digits
  readonly file: number | null; // the one looked at
}

export class WireError extends Error {
  override readonly name = 'WireError';
}

/** Where hrview answers requests. */
export function socketUrl({ origin }: Location): string {
  return `${origin.replace(/^http/, 'ws')}/ws`;
}

export function encodeRequest(request: Request): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, WIRE_VERSION);
  view.setUint8(1, ALL | (request.full ? FULL : 0) | (request.lead ? LEAD : 0));
  view.setUint32(4, request.file ?? NO_FILE, true);
  view.setBigUint64(8, request.program === null ? 0n : BigInt('0x' + request.program), true);
  return bytes;
}

export function decodeFrame(bytes: ArrayBuffer | Uint8Array): WireFrame {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch (error) {
    throw new WireError(`frame: not msgpack (${error instanceof Error ? error.message : String(error)})`);
  }
  return guardFrame(value);
}

export function guardFrame(value: unknown): WireFrame {
  const map = asMap(value, 'frame');
  const version = count(map, 'v', 'frame');
  if (version !== WIRE_VERSION)
    throw new WireError(`frame.v: hrview speaks version ${version}, this page ${WIRE_VERSION}; reload it`);
  return {
    now: real(map, 'now', 'frame'),
    more: optional(map, 'more', flag, false, 'frame'),
    programs: map['programs'] === undefined ? null : list(map, 'programs', 'frame', guardProgram),
    pulses: map['pulse'] === undefined ? null : guardPulses(map['pulse'], 'frame.pulse'),
    program: map['program'] === undefined ? null : guardProgramFrame(map['program'], 'frame.program'),
    recording: optional(map, 'recording', flag, false, 'frame'),
    viewerCpuMs: map['viewer'] === undefined ? null : real(asMap(map['viewer'], 'frame.viewer'), 'cpu_ms', 'frame.viewer'),
  };
}

/** A program of the list; also what /api/programs answers. */
export function guardProgram(value: unknown, at: string): Program {
  const map = asMap(value, at);
  return {
    id: identity(map, at),
    pid: count(map, 'pid', at),
    name: text(map, 'name', at),
    state: oneOf(map, 'state', PROGRAM_STATES, 'unknown', at),
    why: optional(map, 'why', text, '', at),
    argv: list(map, 'argv', at, asText),
    python: text(map, 'python', at),
    parent: map['parent'] == null ? null : text(map, 'parent', at),
    start: real(map, 'start', at),
    end: map['end'] == null ? null : real(map, 'end', at),
    caller: text(map, 'caller', at),
  };
}

/** Where the parts of a recording begin that can be had by themselves, and where the last one ends: byte offsets. */
export interface RecordingParts {
  readonly keyframes: readonly number[];
  readonly bytes: number;
}

export function guardRecordingParts(value: unknown, at: string): RecordingParts {
  const map = asMap(value, at);
  const keyframes = list(map, 'keyframes', at, (entry, place) => {
    if (!Array.isArray(entry) || entry.length < 2) throw new WireError(`${place}: not a time, an offset and a number`);
    return asCount(entry[1], `${place}[1]`);
  });
  return { keyframes, bytes: count(map, 'bytes', at) };
}

const PROGRAM_STATES: readonly ProgramState[] = ['live', 'closed', 'dead', 'unknown', 'corrupt'];
const RUN_STATES: readonly RunState[] = ['running', 'sleeping', 'stopped', 'unknown'];

function guardProgramFrame(value: unknown, at: string): ProgramFrame {
  const map = asMap(value, at);
  const gone = optional(map, 'gone', flag, false, at);
  return {
    id: identity(map, at),
    full: optional(map, 'full', flag, false, at),
    gone,
    tick: gone ? 0 : count(map, 'tick', at),
    files: optional(map, 'files', (m, k, a) => list(m, k, a, guardFile), [], at),
    totals: optional(map, 'totals', fileTriples, [], at),
    linesOf: guardLines(map, at),
    threads: map['threads'] === undefined ? null : list(map, 'threads', at, guardThread),
    drops: map['drops'] === undefined ? null : guardDrops(map['drops'], `${at}.drops`),
    notes: optional(map, 'notes', (m, k, a) => list(m, k, a, guardNote), [], at),
    sampler: map['sampler'] === undefined ? null : guardSampler(map['sampler'], `${at}.sampler`),
    tables: map['tables'] === undefined ? null : guardTables(map['tables'], `${at}.tables`),
    source: map['source'] === undefined ? null : guardSource(map['source'], `${at}.source`),
  };
}

function guardPulses(value: unknown, at: string): Pulse[] {
  if (!Array.isArray(value) || value.length % 3 !== 0) throw new WireError(`${at}: not triples`);
  const pulses: Pulse[] = [];
  for (let i = 0; i < value.length; i += 3)
    pulses.push({
      id: asIdentity(value[i], `${at}[${i}]`),
      hits: asCount(value[i + 1], `${at}[${i + 1}]`),
      threads: asCount(value[i + 2], `${at}[${i + 2}]`),
    });
  return pulses;
}

/** Lines of the file that was asked for, or of all: the same to the page. */
function guardLines(map: Fields, at: string): FileLines[] {
  if (map['file'] === undefined) return optional(map, 'linesOf', (m, k, a) => list(m, k, a, guardFileLines), [], at);
  const full = optional(map, 'linesFull', flag, false, at);
  return [{ file: asFile(map['file'], `${at}.file`), full, lines: optional(map, 'lines', triples, [], at) }];
}

function guardFileLines(value: unknown, at: string): FileLines {
  if (!Array.isArray(value) || value.length < 3) throw new WireError(`${at}: not a file, whether full, and lines`);
  const [file, full, lines] = value as unknown[];
  return { file: asFile(file, `${at}[0]`), full: asFlag(full, `${at}[1]`), lines: asTriples(lines, `${at}[2]`) };
}

function guardFile(value: unknown, at: string): FileEntry {
  const map = asMap(value, at);
  return {
    index: asFile(map['i'], `${at}.i`),
    path: text(map, 'path', at),
    traced: flag(map, 'traced', at),
    disk: flag(map, 'disk', at),
    source: flag(map, 'source', at),
    changed: flag(map, 'changed', at),
  };
}

function guardThread(value: unknown, at: string): Thread {
  const map = asMap(value, at);
  return {
    id: count(map, 'id', at),
    native: count(map, 'native', at),
    name: text(map, 'name', at),
    task: flag(map, 'task', at),
    state: oneOf(map, 'state', RUN_STATES, 'unknown', at),
    since: count(map, 'since', at),
    tick: count(map, 'tick', at),
    depth: count(map, 'depth', at),
    elidedAt: count(map, 'elided_at', at),
    frames: list(map, 'frames', at, guardStackFrame),
  };
}

function guardStackFrame(value: unknown, at: string): Frame {
  if (!Array.isArray(value) || value.length < 6) throw new WireError(`${at}: not a frame of six values`);
  const [file, name, line, endLine, col, endCol] = value as unknown[];
  return {
    file: file === -1 ? -1 : asFile(file, `${at}[0]`),
    function: asText(name, `${at}[1]`),
    line: signed(line, `${at}[2]`),
    endLine: signed(endLine, `${at}[3]`),
    col: signed(col, `${at}[4]`),
    endCol: signed(endCol, `${at}[5]`),
  };
}

function guardNote(value: unknown, at: string): Note {
  if (!Array.isArray(value) || value.length < 3) throw new WireError(`${at}: not a note of three values`);
  const [kind, tick, words] = value as unknown[];
  return { kind: asText(kind, `${at}[0]`), tick: asCount(tick, `${at}[1]`), text: asText(words, `${at}[2]`) };
}

function guardDrops(value: unknown, at: string): ReadonlyMap<string, number> {
  const drops = new Map<string, number>();
  for (const [kind, n] of Object.entries(asMap(value, at))) drops.set(kind, asCount(n, `${at}.${kind}`));
  return drops;
}

function guardSampler(value: unknown, at: string): Sampler {
  const map = asMap(value, at);
  return { cpuMs: real(map, 'cpu_ms', at), samples: count(map, 'samples', at) };
}

function guardSource(value: unknown, at: string): FileText {
  const map = asMap(value, at);
  return { file: asFile(map['file'], `${at}.file`), text: text(map, 'text', at), changed: flag(map, 'changed', at) };
}

function guardTables(value: unknown, at: string): Table[] {
  return Object.entries(asMap(value, at)).map(([name, pair]) => {
    if (!Array.isArray(pair) || pair.length < 2) throw new WireError(`${at}.${name}: not what is used, and of how much`);
    return { name, used: asCount(pair[0], `${at}.${name}[0]`), capacity: asCount(pair[1], `${at}.${name}[1]`) };
  });
}

type Fields = Readonly<Record<string, unknown>>;

function asMap(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw new WireError(`${at}: not a map`);
  return value as Fields;
}

function asText(value: unknown, at: string): string {
  if (typeof value !== 'string') throw new WireError(`${at}: not a string`);
  return value;
}

/** Counts are unsigned 64-bit on the wire: above 2^53 they come rounded, and format.ts shows them so. */
function asCount(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw new WireError(`${at}: not a count`);
  return value;
}

function signed(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < -1)
    throw new WireError(`${at}: not an integer from -1`);
  return value;
}

function text(map: Fields, key: string, at: string): string {
  return asText(map[key], `${at}.${key}`);
}

function count(map: Fields, key: string, at: string): number {
  return asCount(map[key], `${at}.${key}`);
}

function real(map: Fields, key: string, at: string): number {
  const value = map[key];
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new WireError(`${at}.${key}: not a number`);
  return value;
}

function asFlag(value: unknown, at: string): boolean {
  if (typeof value !== 'boolean') throw new WireError(`${at}: not a boolean`);
  return value;
}

function flag(map: Fields, key: string, at: string): boolean {
  return asFlag(map[key], `${at}.${key}`);
}

function asIdentity(value: unknown, at: string): string {
  const id = asText(value, at);
  if (!/^[0-9a-f]{16}$/.test(id)) throw new WireError(`${at}: not 16 hexadecimal digits`);
  return id;
}

function identity(map: Fields, at: string): string {
  return asIdentity(map['id'], `${at}.id`);
}

/** A word that this page does not know (a newer hrview's) counts as `unknown`. */
function oneOf<T extends string>(map: Fields, key: string, known: readonly T[], unknown: T, at: string): T {
  const word = text(map, key, at);
  return known.find((k) => k === word) ?? unknown;
}

function list<T>(map: Fields, key: string, at: string, guard: (value: unknown, at: string) => T): T[] {
  const value = map[key];
  if (!Array.isArray(value)) throw new WireError(`${at}.${key}: not an array`);
  return value.map((item: unknown, i) => guard(item, `${at}.${key}[${i}]`));
}

function asTriples(value: unknown, at: string): Triples {
  if (!Array.isArray(value) || value.length % 3 !== 0) throw new WireError(`${at}: not triples`);
  const bad = value.findIndex((n: unknown) => typeof n !== 'number' || !Number.isInteger(n) || n < 0);
  if (bad !== -1) throw new WireError(`${at}[${bad}]: not a count`);
  return value as number[];
}

function triples(map: Fields, key: string, at: string): Triples {
  return asTriples(map[key], `${at}.${key}`);
}

function fileTriples(map: Fields, key: string, at: string): Triples {
  const all = triples(map, key, at);
  for (let i = 0; i < all.length; i += 3) asFile(all[i], `${at}.${key}[${i}]`);
  return all;
}

function asFile(value: unknown, at: string): number {
  const index = asCount(value, at);
  if (index >= FILES_MAX) throw new WireError(`${at}: not the index of a file`);
  return index;
}

function optional<T>(map: Fields, key: string, get: (map: Fields, key: string, at: string) => T, absent: T, at: string): T {
  return map[key] === undefined ? absent : get(map, key, at);
}
