// fake.ts — a viewer of a make-believe program for the page's tests: docs/wire.md over http and ws, in which the test
// sets every count, stack and trouble. What hrview itself does is tested with hrview.
import { encode } from '@msgpack/msgpack';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';

const FULL = 1; // flags of a request
const ALL = 2; // the page always asks for the lines of all files
const LEAD = 4;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

export interface FakeFile {
  path: string;
  text: string | null; // null: cannot be read
  traced?: boolean;
  disk?: boolean;
  source?: boolean;
  changed?: boolean;
}

export type FakeFrame = [file: number, name: string, line: number, endLine: number, col: number, endCol: number];

export interface FakeThread {
  id: number;
  native: number;
  name: string;
  task: boolean;
  state: string;
  since: number;
  tick: number;
  depth: number;
  elided_at: number;
  frames: FakeFrame[];
}

interface Line {
  hits: number;
  lastTick: number;
}

/** One make-believe program; its fields may be changed at any time. */
export class FakeProgram {
  pid = 4711;
  name = 'demo.py';
  state = 'live';
  why: string | undefined;
  argv = ['demo.py'];
  python = '3.14.8';
  parent: string | null = null;
  start = Date.now();
  end: number | null = null;
  gone = false;
  readonly lines: Map<number, Line>[] = [];
  threads: FakeThread[] = [];
  drops: Record<string, number> = {};
  notes: [string, number, string][] = [];
  sampler = { cpu_ms: 1.5, samples: 100 };
  tables: Record<string, [used: number, capacity: number]> = { strings: [81_000, 19_000_000], files: [12, 8192], codes: [310, 131_072], slots: [2900, 2_097_152], threads: [2, 512], tasks: [0, 2048], notes: [0, 256] };

  constructor(
    readonly id: string,
    readonly files: FakeFile[],
  ) {}

  get tick(): number {
    return Math.round((this.end ?? Date.now()) - this.start);
  }

  /** Makes lines known that can be hit. */
  know(file: number, lines: readonly number[]): void {
    for (const line of lines) this.line(file, line);
  }

  hit(file: number, line: number, times = 1): void {
    const found = this.line(file, line);
    found.hits += times;
    found.lastTick = Math.max(1, this.tick);
  }

  hitsOf(file: number): Record<number, number> {
    return Object.fromEntries([...this.table(file)].map(([line, { hits }]) => [line, hits]));
  }

  /** A stack whose innermost frame is the last one given. */
  stack(id: number, name: string, frames: FakeFrame[], more: Partial<FakeThread> = {}): void {
    this.threads = this.threads.filter((thread) => thread.id !== id);
    const { tick } = this;
    const rest = { task: false, state: 'running', since: tick, tick, depth: frames.length, elided_at: frames.length };
    this.threads.push({ id, native: id, name, ...rest, frames, ...more });
  }

  table(file: number): Map<number, Line> {
    return (this.lines[file] ??= new Map<number, Line>());
  }

  private line(file: number, line: number): Line {
    const table = this.table(file);
    let found = table.get(line);
    if (found === undefined) table.set(line, (found = { hits: 0, lastTick: 0 }));
    return found;
  }
}

/** What one connection has been sent. */
class Sent {
  programs = '';
  program = '';
  files = 0;
  notes = 0;
  threads = '';
  drops = '';
  tables = '';
  readonly totals = new Map<number, number>();
  readonly lines = new Map<number, Map<number, number>>();
}

export class FakeViewer {
  readonly programs: FakeProgram[] = [];
  /** When set, answers are these bytes instead. */
  garbage: Uint8Array | null = null;
  frames = 0;
  /** What hrview has cost so far; null: it does not say. */
  cpuMs: (() => number) | null = null;
  /** When set, it is a recording that is shown. */
  recording: FakeRecording | null = null;
  private server: Server | null = null;
  private sockets: WebSocketServer | null = null;
  private port = 0;

  constructor(private readonly dist: string) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** The first time on any free port, later on the same again. */
  async start(): Promise<void> {
    const server = createServer((request, response) => this.serve(request, response));
    const sockets = new WebSocketServer({ server, path: '/ws' });
    sockets.on('connection', (socket) => this.talk(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
    this.sockets = sockets;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets?.clients ?? []) socket.terminate();
    this.sockets?.close();
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url);
    if (url.pathname === '/api/source') this.serveSource(url, response);
    else if (url.pathname === '/api/programs') this.servePrograms(response);
    else if (url.pathname === '/api/recording' && this.recording !== null) response.end(JSON.stringify(this.recording.facts()));
    else if (url.pathname === '/api/recording/frames' && this.recording !== null) response.end(this.recording.part(url.searchParams));
    else if (url.pathname === '/healthz') response.end('ok\n'); // asked when a websocket fails, maybe just as we are back
    else if (url.pathname === '/' || /^[/]assets[/][\w.-]+$/.test(url.pathname)) this.servePage(url.pathname, response);
    else response.writeHead(404).end();
  }

  private servePage(path: string, response: ServerResponse): void {
    const name = path === '/' ? 'index.html' : path.slice(1);
    const nonce = Math.random().toString(36).slice(2);
    const body = readFileSync(join(this.dist, name));
    const csp = [
      "default-src 'none'",
      `script-src 'self' 'nonce-${nonce}'`,
      `style-src 'self' 'nonce-${nonce}'`,
      "connect-src 'self'",
      "img-src 'self' data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ];
    response.writeHead(200, {
      'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream',
      'Content-Security-Policy': csp.join('; '),
    });
    response.end(name === 'index.html' ? body.toString().replaceAll('__CSP_NONCE__', nonce) : body);
  }

  private servePrograms(response: ServerResponse): void {
    const programs = this.programs.filter(({ gone }) => !gone).map(listed);
    response.end(JSON.stringify({ programs, ...(this.recording === null ? {} : { recording: true }) }));
  }

  private serveSource(url: URL, response: ServerResponse): void {
    const program = this.programs.find(({ id }) => id === url.searchParams.get('program'));
    const file = program?.files[Number(url.searchParams.get('file'))];
    if (file === undefined || file.text === null) {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end(`${file?.path ?? 'that file'}: permission denied`);
      return;
    }
    response.writeHead(200, {
      'Content-Type': 'text/plain; charset=utf-8',
      'X-Source': file.changed === true ? 'changed' : 'loaded',
    });
    response.end(file.text);
  }

  private talk(socket: WebSocket): void {
    let sent = new Sent();
    socket.on('message', (data: Buffer, binary) => {
      const flags = data[1] as number;
      if (!binary || data.length !== 16 || data[0] !== 1 || (flags | FULL | LEAD) !== (FULL | ALL | LEAD)) {
        socket.close(1008);
        return;
      }
      if ((flags & FULL) !== 0) sent = new Sent();
      this.frames++;
      const program = data.readBigUInt64LE(8);
      const lead = (flags & LEAD) !== 0;
      const id = program !== 0n ? program.toString(16).padStart(16, '0') : lead ? this.onlyProgram() : null;
      socket.send(this.garbage ?? encode(this.answer(sent, id, lead)));
    });
  }

  private onlyProgram(): string | null {
    const here = this.programs.filter(({ gone }) => !gone);
    const candidates = here.length === 1 ? here : here.filter(({ state }) => state === 'live');
    return candidates.length === 1 ? (candidates[0] as FakeProgram).id : null;
  }

  answer(sent: Sent, id: string | null, lead = false): Record<string, unknown> {
    const frame: Record<string, unknown> = { v: 1, now: Date.now(), recording: this.recording !== null };
    const programs = this.programs.filter(({ gone }) => !gone).map(listed);
    const told = JSON.stringify(programs);
    if (told !== sent.programs) frame['programs'] = programs;
    sent.programs = told;
    if (id === null) frame['pulse'] = this.programs.filter(({ gone }) => !gone).flatMap(pulse);
    if (id !== null) frame['program'] = this.answerProgram(sent, id, lead);
    if (this.cpuMs !== null) frame['viewer'] = { cpu_ms: this.cpuMs() };
    return frame;
  }

  private answerProgram(sent: Sent, id: string, lead: boolean): Record<string, unknown> {
    const program = this.programs.find((p) => p.id === id && !p.gone);
    if (program === undefined) return { id, full: false, gone: true };
    const full = sent.program !== id;
    if (full) Object.assign(sent, new Sent(), { program: id, programs: sent.programs });
    const frame: Record<string, unknown> = { id, full, tick: program.tick, sampler: program.sampler };
    if (program.files.length > sent.files)
      frame['files'] = program.files.slice(sent.files).map((f, i) => ({
        i: sent.files + i,
        path: f.path,
        traced: f.traced ?? true,
        disk: f.disk ?? true,
        source: f.source ?? true,
        changed: f.changed ?? false,
      }));
    sent.files = program.files.length;
    frame['totals'] = totals(program, sent);
    frame['linesOf'] = program.files.flatMap((_, file) => linesOf(program, file, sent));
    const threads = JSON.stringify(program.threads);
    if (threads !== sent.threads) frame['threads'] = program.threads;
    sent.threads = threads;
    const drops = JSON.stringify(program.drops);
    if (drops !== sent.drops) frame['drops'] = program.drops;
    sent.drops = drops;
    const tables = JSON.stringify(program.tables);
    if (tables !== sent.tables) frame['tables'] = program.tables;
    sent.tables = tables;
    if (program.notes.length > sent.notes) frame['notes'] = program.notes.slice(sent.notes);
    sent.notes = program.notes.length;
    const [callers] = program.files;
    if (lead && full && callers !== undefined && callers.text !== null && callers.traced !== false && callers.source !== false)
      frame['source'] = { file: 0, text: callers.text, changed: callers.changed ?? false };
    return frame;
  }
}

/** A recording of a program, made frame by frame: every tenth is a key frame. */
export class FakeRecording {
  torn = false;
  private readonly frames: { at: number; bytes: Uint8Array }[] = [];
  private readonly viewer = new FakeViewer('');
  private sent = new Sent();

  constructor(private readonly program: FakeProgram) {
    this.viewer.programs.push(program);
  }

  /** What the program is now happened at a tick. */
  record(tick: number): void {
    if (this.frames.length % 10 === 0) this.sent = new Sent();
    const frame = this.viewer.answer(this.sent, this.program.id);
    const program = { ...(frame['program'] as object), tick };
    this.frames.push({ at: tick, bytes: encode({ at: tick, ...frame, program }) });
  }

  facts(): Record<string, unknown> {
    const keyframes = this.frames.flatMap(({ at }, i) => (i % 10 === 0 ? [[at, this.offset(i), i]] : []));
    const { start } = this.program;
    return { version: 1, program: listed(this.program), start, duration_ms: this.frames.at(-1)?.at, frames: this.frames.length, bytes: this.offset(this.frames.length), keyframes, torn: this.torn };
  }

  part(query: URLSearchParams): Buffer {
    const [from, to] = [Number(query.get('from')), Number(query.get('to'))];
    return Buffer.concat(this.frames.map(({ bytes }) => bytes)).subarray(from - HEAD, to - HEAD);
  }

  private offset(frame: number): number {
    return this.frames.slice(0, frame).reduce((sum, { bytes }) => sum + bytes.length, HEAD);
  }
}

const HEAD = 16; // of the file, before the first frame

function listed(program: FakeProgram): Record<string, unknown> {
  const { id, pid, name, state, why, argv, python, parent, start, end } = program;
  return { id, pid, name, state, ...(why === undefined ? {} : { why }), argv, python, parent, start, end, caller: program.files[0]?.path ?? '' };
}

function pulse(program: FakeProgram): (string | number)[] {
  const hits = program.files.reduce((sum, _, i) => sum + Object.values(program.hitsOf(i)).reduce((a, b) => a + b, 0), 0);
  return [program.id, hits, program.threads.filter(({ task }) => !task).length];
}

function totals(program: FakeProgram, sent: Sent): number[] {
  const out: number[] = [];
  program.files.forEach((_, i) => {
    const table = [...program.table(i).values()];
    const hits = table.reduce((sum, line) => sum + line.hits, 0);
    if (hits === (sent.totals.get(i) ?? 0)) return;
    sent.totals.set(i, hits);
    out.push(i, hits, Math.max(...table.map((line) => line.lastTick)));
  });
  return out;
}

function linesOf(program: FakeProgram, file: number, sent: Sent): [file: number, full: boolean, lines: number[]][] {
  const full = !sent.lines.has(file);
  const told = sent.lines.get(file) ?? new Map<number, number>();
  const out: number[] = [];
  for (const [line, { hits, lastTick }] of program.table(file)) {
    if (told.get(line) === hits) continue;
    told.set(line, hits);
    out.push(line, hits, lastTick);
  }
  if (out.length === 0) return [];
  sent.lines.set(file, told);
  return [[file, full, out]];
}
