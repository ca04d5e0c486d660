// wire.test.ts — requests and frames of docs/wire.md: the golden ones that hrview's tests make, and every way to be wrong.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { decodeFrame, encodeRequest, guardFrame, WireError, type WireFrame } from '../../../web/src/wire';

const GOLDEN = join(process.cwd(), '../tests/golden');

test('a request is 16 little-endian bytes', () => {
  const bytes = encodeRequest({ full: true, lead: false, program: '00c0ffee12345678', file: 0x01020304 });
  assert.deepEqual([...bytes], [1, 3, 0, 0, 4, 3, 2, 1, 0x78, 0x56, 0x34, 0x12, 0xee, 0xff, 0xc0, 0]);
});

test('a request for nothing names no file and no program', () => {
  const bytes = encodeRequest({ full: false, lead: true, program: null, file: null });
  assert.deepEqual([...bytes], [1, 6, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]);
});

const goldenNames = readdirSync(GOLDEN)
  .filter((name) => name.endsWith('.msgpack'))
  .map((name) => name.slice(0, -'.msgpack'.length));

test('there are golden frames', () => {
  assert.ok(goldenNames.length >= 7, `found ${goldenNames.length} in ${GOLDEN}`);
});

for (const name of goldenNames)
  test(`golden frame ${name} says what its JSON says`, () => {
    const frame = decodeFrame(readFileSync(join(GOLDEN, `${name}.msgpack`)));
    assert.deepEqual(frame, guardFrame(JSON.parse(readFileSync(join(GOLDEN, `${name}.json`), 'utf8'))));
  });

test('the golden frame with everything in it is understood', () => {
  const frame = decodeFrame(readFileSync(join(GOLDEN, 'everything.msgpack')));
  const program = frame.program;
  assert.ok(program !== null && frame.programs !== null);
  assert.equal(frame.programs[0]?.id, '00c0ffee12345678');
  assert.equal(program.full, true);
  assert.equal(program.files[1]?.path, '/home/ada/résumé.py');
  assert.equal(program.files[3]?.traced, false);
  assert.deepEqual(program.linesOf[0]?.lines.slice(9, 12), [8, 4294967303, 5229]);
  assert.equal(program.threads?.[0]?.name, 'MainThread');
  assert.equal(program.threads?.[0]?.frames[0]?.function, '<module>');
  assert.deepEqual(program.tables?.[0], { name: 'slots', used: 123, capacity: 4_194_304 });
  assert.equal(frame.viewerCpuMs, 81.25);
});

test('the golden frame with the pulse of programs is understood', () => {
  const { pulses, program } = decodeFrame(readFileSync(join(GOLDEN, 'pulse.msgpack')));
  assert.equal(program, null);
  assert.deepEqual(pulses?.[0], { id: '00c0ffee12345678', hits: 2 ** 40, threads: 12 });
  assert.deepEqual(pulses?.[2], { id: 'fedcba9876543210', hits: 70000, threads: 1 });
});

test('the golden frame with the text of a file is understood', () => {
  const { program, recording } = decodeFrame(readFileSync(join(GOLDEN, 'source.msgpack')));
  assert.deepEqual(program?.source, { file: 2, text: 'def é(x):\r\n\treturn "\\n"\n', changed: true });
  assert.equal(recording, false);
});

test('the golden frame that could not hold all says so', () => {
  assert.equal(decodeFrame(readFileSync(join(GOLDEN, 'more.msgpack'))).more, true);
  assert.equal(decodeFrame(readFileSync(join(GOLDEN, 'unchanged.msgpack'))).more, false);
});

test('the golden frame without changes leaves everything as it was', () => {
  const { programs, program } = decodeFrame(readFileSync(join(GOLDEN, 'unchanged.msgpack')));
  assert.equal(programs, null);
  assert.deepEqual([program?.threads, program?.drops, program?.tables, program?.linesOf, program?.full], [null, null, null, [], false]);
});

const PROGRAM = { id: '0000000000000001', full: true, tick: 5 };

function frameOf(program: Record<string, unknown>): Uint8Array {
  return encode({ v: 1, now: 1, program: { ...PROGRAM, ...program } });
}

const THREAD = { id: 1, native: 1, name: 'T', task: false, state: 'running', since: 1, tick: 1, depth: 1, elided_at: 1, frames: [] };

const WRONG: readonly (readonly [what: string, bytes: Uint8Array, place: RegExp])[] = [
  ['an array', encode([1, 2]), /^frame: not a map/],
  ['bytes', encode(new Uint8Array(3)), /^frame: not a map/],
  ['another version', encode({ v: 2, now: 1 }), /version 2, this page 1/],
  ['no clock', encode({ v: 1 }), /frame\.now/],
  ['a short identity', frameOf({ id: 'abc' }), /frame\.program\.id/],
  ['lines that are no triples', frameOf({ file: 0, lines: [1, 2] }), /frame\.program\.lines: not triples/],
  ['a negative count', frameOf({ file: 0, lines: [1, -2, 3] }), /frame\.program\.lines\[1\]/],
  ['lines of a file that are not said to be full or not', frameOf({ linesOf: [[0, 1, []]] }), /linesOf\[0\]\[1\]: not a boolean/],
  ['lines of all that are no triples', frameOf({ linesOf: [[0, true, [1, 2]]] }), /linesOf\[0\]\[2\]: not triples/],
  ['a file beyond all tables', frameOf({ totals: [0, 1, 1, 2 ** 40, 5, 1] }), /frame\.program\.totals\[3\]: not the index of a file/],
  ['lines of a file beyond all tables', frameOf({ linesOf: [[2 ** 40, true, []]] }), /linesOf\[0\]\[0\]: not the index of a file/],
  ['lines of no file', frameOf({ linesOf: [[-1, true, []]] }), /linesOf\[0\]\[0\]/],
  ['a fractional count', frameOf({ totals: [1, 2, 3.5] }), /frame\.program\.totals\[2\]/],
  ['a count in words', frameOf({ tick: '5' }), /frame\.program\.tick/],
  ['a file without a path', frameOf({ files: [{ i: 0, traced: true, disk: true, source: true, changed: false }] }), /files\[0\]\.path/],
  ['a thread that is nil', frameOf({ threads: [null] }), /threads\[0\]: not a map/],
  ['a frame of five', frameOf({ threads: [{ ...THREAD, frames: [[0, 'f', 1, 1, 0]] }] }), /frames\[0\]: not a frame/],
  ['a column of -2', frameOf({ threads: [{ ...THREAD, frames: [[0, 'f', 1, 1, -2, 0]] }] }), /frames\[0\]\[4\]/],
  ['a note of one', frameOf({ notes: [['trouble']] }), /notes\[0\]/],
  ['half a pulse', encode({ v: 1, now: 1, pulse: ['0000000000000001', 5] }), /frame\.pulse: not triples/],
  ['a pulse of nobody', encode({ v: 1, now: 1, pulse: ['0000000000000001', 5, 1, 'me', 5, 1] }), /frame\.pulse\[3\]/],
  ['a table without a capacity', frameOf({ tables: { slots: [3] } }), /tables\.slots/],
  ['a table with less than nothing in it', frameOf({ tables: { slots: [-3, 5] } }), /tables\.slots\[0\]/],
  ['a viewer without its cost', encode({ v: 1, now: 1, viewer: {} }), /frame\.viewer\.cpu_ms/],
  ['a drop in words', frameOf({ drops: { hits: 'many' } }), /drops\.hits/],
];

for (const [what, bytes, place] of WRONG)
  test(`a frame with ${what} is refused, and the message names the place`, () => {
    assert.throws(
      () => decodeFrame(bytes),
      (error: unknown) => error instanceof WireError && place.test(error.message),
    );
  });

test('a state that this page does not know yet counts as unknown', () => {
  const frame = decodeFrame(frameOf({ threads: [{ ...THREAD, state: 'levitating' }] }));
  assert.equal(frame.program?.threads?.[0]?.state, 'unknown');
});

test('unknown keys are ignored', () => {
  const frame = decodeFrame(encode({ v: 1, now: 1, later: { x: [1] }, program: { ...PROGRAM, more: true } }));
  assert.equal(frame.program?.tick, 5);
});

test('whatever the bytes, decoding gives a frame or a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => decodes(bytes)),
    { numRuns: 2000 },
  );
});

test('a golden frame with any byte changed gives a frame or a WireError', () => {
  const golden = readFileSync(join(GOLDEN, 'everything.msgpack'));
  fc.assert(
    fc.property(fc.nat(golden.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const bytes = Uint8Array.from(golden);
      bytes[at] = byte;
      return decodes(bytes);
    }),
    { numRuns: 3000 },
  );
});

function decodes(bytes: Uint8Array): boolean {
  let frame: WireFrame;
  try {
    frame = decodeFrame(bytes);
  } catch (error) {
    return error instanceof WireError;
  }
  return Number.isFinite(frame.now);
}
