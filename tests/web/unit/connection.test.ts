// connection.test.ts — the pull loop in a world whose time the test moves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { Connection, type Link, type Opened, type Socket, type World } from '../../../web/src/connection';
import type { WireFrame } from '../../../web/src/wire';

class TestSocket implements Socket {
  readonly readyState = 0;
  binaryType = '';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: Uint8Array[] = [];
  closed = false;

  send(data: Uint8Array): void {
    this.sent.push(data);
  }
  close(): void {
    this.closed = true;
  }
  answer(value: unknown = { v: 1, now: 1 }): void {
    const bytes = encode(value);
    this.onmessage?.({ data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) });
  }
}

class TestWorld implements World {
  time = 0;
  background = false;
  words: string | null = null;
  readonly sockets: TestSocket[] = [];
  early: Omit<Opened, 'socket'> | null = null; // of the next socket
  private timers: { at: number; run: () => void }[] = [];

  open(): Opened {
    const socket = new TestSocket();
    this.sockets.push(socket);
    const early = this.early ?? { asked: false, answer: null };
    this.early = null;
    return { socket, ...early };
  }
  now(): number {
    return this.time;
  }
  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, run };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((t) => t !== timer));
  }
  hidden(): boolean {
    return this.background;
  }
  async refusal(): Promise<string | null> {
    return this.words;
  }
  pass(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const next = this.timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.timers = this.timers.filter((t) => t !== next);
      this.time = next.at;
      next.run();
    }
    this.time = until;
  }
  get socket(): TestSocket {
    return this.sockets.at(-1) as TestSocket;
  }
}

function connect(early: Omit<Opened, 'socket'> | null = null): { world: TestWorld; connection: Connection; links: Link[]; frames: WireFrame[]; wanted: { file: number } } {
  const world = new TestWorld();
  world.early = early;
  const links: Link[] = [];
  const frames: WireFrame[] = [];
  const wanted = { file: 3 };
  const connection = new Connection(world, {
    request: () => ({ full: false, lead: false, program: null, file: wanted.file }),
    frame: (frame) => frames.push(frame),
    link: (link) => links.push(link),
  });
  connection.poke(); // there is nothing to be asked yet
  connection.start();
  if (early === null) world.socket.onopen?.();
  return { world, connection, links, frames, wanted };
}

test('it asks once, and again a twentieth of a second after it asked', () => {
  const { world, frames } = connect();
  assert.equal(world.socket.sent.length, 1);
  world.pass(30);
  assert.equal(world.socket.sent.length, 1, 'nothing is asked while an answer is out');
  world.socket.answer();
  world.pass(19);
  assert.equal(world.socket.sent.length, 1);
  world.pass(1);
  assert.equal(world.socket.sent.length, 2);
  assert.equal(frames.length, 1);
});

test('a slow answer is followed by the next request at once', () => {
  const { world } = connect();
  world.pass(400);
  world.socket.answer();
  world.pass(0);
  assert.equal(world.socket.sent.length, 2);
});

test('what did not fit into a frame is asked for at once', () => {
  const { world } = connect();
  world.socket.answer({ v: 1, now: 1, more: true });
  assert.equal(world.socket.sent.length, 2);
  world.socket.answer();
  assert.equal(world.socket.sent.length, 2);
});

test('the first request of a connection asks for everything, later ones for what is new', () => {
  const { world } = connect();
  world.socket.answer();
  world.pass(50);
  assert.deepEqual(world.socket.sent.map((bytes) => (bytes[1] as number) & 1), [1, 0]);
});

test('what has been asked and answered before it came is not asked again', () => {
  const answer = encode({ v: 1, now: 1 });
  const { world, frames, links } = connect({ asked: true, answer: { data: answer.buffer.slice(answer.byteOffset, answer.byteOffset + answer.byteLength) } });
  assert.equal(frames.length, 1);
  assert.deepEqual(links.at(-1), { state: 'open' });
  world.pass(49);
  assert.equal(world.socket.sent.length, 0);
  world.pass(1);
  assert.deepEqual(world.socket.sent.map((bytes) => (bytes[1] as number) & 1), [0]);
});

test('what has been asked before it came is waited for', () => {
  const { world, frames } = connect({ asked: true, answer: null });
  world.pass(40);
  world.socket.answer();
  assert.equal(frames.length, 1);
  assert.equal(world.socket.sent.length, 0);
  world.pass(10);
  assert.deepEqual(world.socket.sent.map((bytes) => (bytes[1] as number) & 1), [0]);
  world.socket.answer();
  world.socket.onclose?.({ code: 1006, reason: '' });
  world.pass(250);
  world.socket.onopen?.();
  assert.deepEqual(world.socket.sent.map((bytes) => (bytes[1] as number) & 1), [1], 'the next one starts over');
});

test('in a background tab it asks once a second', () => {
  const { world } = connect();
  world.background = true;
  world.socket.answer();
  world.pass(999);
  assert.equal(world.socket.sent.length, 1);
  world.pass(1);
  assert.equal(world.socket.sent.length, 2);
});

test('poked it asks at once, but never twice at a time', () => {
  const { world, connection, wanted } = connect();
  wanted.file = 4;
  connection.poke();
  assert.equal(world.socket.sent.length, 1);
  world.socket.answer();
  assert.equal(world.socket.sent.length, 2);
  assert.equal(world.socket.sent[1]?.[4], 4);
  world.socket.answer();
  connection.poke();
  assert.equal(world.socket.sent.length, 3);
});

test('when hrview goes it tries again, ever more patiently, and starts over when it is back', () => {
  const { world, links } = connect();
  world.socket.answer();
  world.socket.onclose?.({ code: 1006, reason: '' });
  assert.deepEqual(links.at(-1), { state: 'lost', why: 'hrview has gone away' });
  const opened: number[] = [];
  for (let i = 0; i < 6; i++) {
    const before = world.sockets.length;
    while (world.sockets.length === before) world.pass(10);
    opened.push(world.time);
    world.socket.onclose?.({ code: 1006, reason: '' });
  }
  const pauses = opened.map((at, i) => at - (i === 0 ? 0 : (opened[i - 1] as number)));
  assert.deepEqual(pauses, [250, 500, 1000, 2000, 3000, 3000]);
  world.pass(3000);
  world.socket.onopen?.();
  assert.equal((world.socket.sent[0]?.[1] ?? 0) & 1, 1, 'full');
  world.socket.answer();
  assert.deepEqual(links.at(-1), { state: 'open' });
});

test('a connection that nobody answers on is given up', () => {
  const { world, links } = connect();
  world.pass(8000);
  assert.equal(world.sockets[0]?.closed, true);
  assert.deepEqual(links.at(-1), { state: 'lost', why: 'hrview does not answer' });
  world.pass(250);
  assert.equal(world.sockets.length, 2);
});

test('a frame that cannot be judged ends the connection and says why', () => {
  const { world, links, frames } = connect();
  world.socket.answer({ v: 7, now: 1 });
  const link = links.at(-1) as Link;
  assert.ok(link.state === 'lost' && /version 7/.test(link.why), JSON.stringify(link));
  assert.equal(frames.length, 0);
  assert.equal(world.socket.closed, true);
});

test('a text message is no frame', () => {
  const { world, links } = connect();
  world.socket.onmessage?.({ data: 'hello' });
  assert.equal(links.at(-1)?.state, 'lost');
});

test('a refusal is told apart from an end', () => {
  const { world, links } = connect();
  world.socket.onclose?.({ code: 1008, reason: '' });
  assert.deepEqual(links.at(-1), { state: 'lost', why: 'hrview refused the request' });
});

test('a websocket that is not let in has the words that plain HTTP gets', async () => {
  const { world, links } = connect();
  world.socket.onclose?.({ code: 1006, reason: '' });
  world.words = 'a token is needed';
  world.pass(250);
  world.socket.onclose?.({ code: 1006, reason: '' });
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(links.at(-1), { state: 'refused', why: 'a token is needed' });
});
