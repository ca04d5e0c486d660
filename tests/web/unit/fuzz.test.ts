// fuzz.test.ts — what the network brings, changed at random: decoding gives a frame or a WireError that names the place,
// and the store takes each frame. For HR_FUZZ_SECONDS (`./dev fuzz page`), and without it for a moment.
//
// Guided by what is said: an input whose message or shape is new is kept, to be changed further.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeFrame, WireError, type WireFrame } from '../../../web/src/wire';
import { Store } from '../../../web/src/store';

const GOLDEN = join(process.cwd(), '../tests/golden');
const FOUND = join(process.cwd(), '../build/fuzz/page');
const SECONDS = Number(process.env['HR_FUZZ_SECONDS'] ?? 0);
const RUNS = 4000; // without seconds
const KEPT = 4000;
const SLOW_MS = 1000;
const CODES = [0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xc9, 0xcb, 0xcf, 0xd3, 0xd4, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0x80, 0x90, 0x9f, 0xff];

/** Mulberry32: the same numbers for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Some bytes changed, left out, doubled, or taken from another input. */
function mutate(bytes: Uint8Array, other: Uint8Array, roll: (below: number) => number): Uint8Array {
  let made: Uint8Array = Uint8Array.from(bytes);
  for (let n = 1 << roll(4); n > 0 && made.length > 0; n--) {
    const at = roll(made.length);
    const to = Math.min(made.length, at + 1 + roll(16));
    const from = roll(other.length + 1);
    const way = roll(7);
    if (way === 0) made[at] = roll(256);
    else if (way === 1) made[at] = CODES[roll(CODES.length)] as number;
    else if (way === 2) made[at] = (made[at] as number) ^ (1 << roll(8));
    else if (way === 3) made = Uint8Array.of(...made.subarray(0, at), ...made.subarray(to));
    else if (way === 4) made = Uint8Array.of(...made.subarray(0, to), ...made.subarray(at));
    else if (way === 5) made = Uint8Array.of(...made.subarray(0, at), ...other.subarray(from, from + 24), ...made.subarray(to));
    else made = made.slice(0, to);
  }
  return made;
}

/** What is new about an answer: the message without its numbers, or which parts the frame has. */
function shapeOf(frame: WireFrame): string {
  const { programs, pulses, program } = frame;
  const parts = program && [program.files, program.totals, program.linesOf, program.threads, program.notes, program.tables];
  return JSON.stringify([programs?.length, pulses?.length, program?.gone, parts?.map((part) => part?.length), program?.drops?.size]);
}

function decoded(bytes: Uint8Array): { said: string; frame: WireFrame | null } {
  try {
    const frame = decodeFrame(bytes);
    return { said: shapeOf(frame), frame };
  } catch (error) {
    if (!(error instanceof WireError) || !/^[a-z]/.test(error.message)) throw error;
    return { said: error.message.replace(/\d+/g, '#'), frame: null };
  }
}

test('frames changed at random are decoded or refused with the place, and applied', () => {
  const seed = SECONDS > 0 ? Date.now() >>> 0 : 1;
  const roll = dice(seed);
  const corpus: Uint8Array[] = readdirSync(GOLDEN)
    .filter((name) => name.endsWith('.msgpack'))
    .map((name) => Uint8Array.from(readFileSync(join(GOLDEN, name))));
  const said = new Set<string>();
  let store = new Store();
  let runs = 0;
  let frames = 0;
  const end = Date.now() + SECONDS * 1000;
  while (SECONDS > 0 ? Date.now() < end : runs < RUNS) {
    const bytes = mutate(corpus[roll(corpus.length)] as Uint8Array, corpus[roll(corpus.length)] as Uint8Array, roll);
    const began = process.cpuUsage();
    try {
      const answer = decoded(bytes);
      if (answer.frame !== null) {
        frames++;
        store.apply(answer.frame, runs, runs);
      }
      if (!said.has(answer.said) && corpus.length < KEPT && bytes.length < 8192) corpus.push(bytes);
      said.add(answer.said);
    } catch (error) {
      mkdirSync(FOUND, { recursive: true });
      writeFileSync(join(FOUND, `${seed}-${runs}`), bytes);
      throw new Error(`seed ${seed}, run ${runs}; the frame is in ${FOUND}`, { cause: error });
    }
    const used = process.cpuUsage(began);
    assert.ok(used.user + used.system < SLOW_MS * 1000, `seed ${seed}, run ${runs}: ${used.user + used.system} us`);
    if (++runs % 500 === 0) store = new Store();
  }
  console.log(`${runs} runs, ${frames} frames, ${said.size} different answers`);
  assert.ok(frames > 0 && said.size > 20, `${runs} runs, ${frames} frames, ${said.size} different answers`);
});
