// history.test.ts — what is remembered of a program against a naive memory of every frame; pictures of the past against
// pictures that were made when it was the present; and the bounds of memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { History, type Limits, LIVE, RECORDING } from '../../../web/src/history';
import { Past } from '../../../web/src/past';
import { ProgramModel } from '../../../web/src/store';
import { guardFrame, type ProgramFrame } from '../../../web/src/wire';

const ID = '0000000000000001';
const LOOSE: Limits = { bytes: 1e9, ms: 1e9, fineMs: 1e9, keepsAll: false };

interface Told {
  readonly wait: number; // ticks since the frame before
  readonly hits: readonly (readonly [file: number, line: number, hits: number])[];
  readonly stack: readonly (readonly [file: number, line: number])[] | null;
  readonly full: boolean; // as after a lost connection, or a key frame
}

const tolds: fc.Arbitrary<Told[]> = fc.array(
  fc.record({
    wait: fc.integer({ min: 1, max: 400 }),
    hits: fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 6 }), fc.oneof(fc.nat(3), fc.constant(2 ** 40))), { maxLength: 5 }),
    stack: fc.option(fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 6 })), { minLength: 1, maxLength: 3 })),
    full: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
);

function threadOf(stack: readonly (readonly [number, number])[], tick: number): Record<string, unknown> {
  const frames = stack.map(([file, line]) => [file, `f${line}`, line, line, -1, -1]);
  return { id: 1, native: 1, name: 'T', task: false, state: 'running', since: tick, tick, depth: frames.length, elided_at: 0, frames };
}

type Memory = Map<number, Map<number, { hits: number; tick: number }>>;

interface Moment {
  readonly tick: number;
  readonly memory: Memory;
  readonly lines: readonly (readonly [number, number])[] | null; // of the stack
}

/** Tells a history all of it, and what a memory of every moment would hold. */
function tell(history: History, told: readonly Told[]): { moments: Moment[]; frames: ProgramFrame[] } {
  const moments: Moment[] = [];
  const frames: ProgramFrame[] = [];
  let memory: Memory = new Map();
  let tick = 0;
  let stack: Told['stack'] = null;
  told.forEach((one, i) => {
    tick += one.wait;
    memory = new Map([...memory].map(([file, lines]) => [file, new Map(lines)]));
    const changed = new Set<string>();
    for (const [file, line, hits] of one.hits) {
      const lines = memory.get(file) ?? new Map<number, { hits: number; tick: number }>();
      memory.set(file, lines);
      const before = lines.get(line);
      lines.set(line, { hits: (before?.hits ?? 0) + hits, tick: hits > 0 ? tick : (before?.tick ?? 0) });
      changed.add(`${file} ${line}`);
    }
    stack = one.stack ?? stack;
    const full = one.full || i === 0;
    const linesOf = [...memory].flatMap(([file, lines]) => {
      const triples = [...lines].filter(([line]) => full || changed.has(`${file} ${line}`)).flatMap(([line, { hits, tick: last }]) => [line, hits, last]);
      return triples.length === 0 ? [] : [[file, full, triples]];
    });
    const program = { id: ID, full, tick, linesOf, ...(one.stack === null ? {} : { threads: [threadOf(one.stack, tick)] }) };
    const frame = guardFrame({ v: 1, now: 1, program }).program as ProgramFrame;
    frames.push(frame);
    history.take(frame);
    moments.push({ tick, memory, lines: stack });
  });
  return { moments, frames };
}

function hitsIn(memory: Memory, file: number): Record<number, number> {
  return Object.fromEntries([...(memory.get(file) ?? [])].map(([line, { hits }]) => [line, hits] as const).filter(([, hits]) => hits !== 0));
}

function hitsAt(history: History, file: number, tick: number): Record<number, number> {
  const { lines, hits } = history.countsAt(file, tick);
  return Object.fromEntries(lines.map((line, item) => [line, hits[item] as number] as const).filter(([, n]) => n !== 0));
}

function momentAt(moments: readonly Moment[], tick: number): Moment {
  return moments.findLast((moment) => moment.tick <= tick) ?? (moments[0] as Moment);
}

test('counts, spans, stacks and changes are those of a memory that forgets nothing', () => {
  fc.assert(
    fc.property(tolds, fc.nat(20_000), fc.nat(20_000), (told, a, b) => {
      const history = new History(ID, LOOSE);
      const { moments } = tell(history, told);
      const start = (moments[0] as Moment).tick;
      const [from, to] = [Math.max(start, Math.min(a, b)), Math.max(start, a, b)];
      for (const file of [0, 1, 2]) {
        const at = momentAt(moments, to).memory;
        assert.deepEqual(hitsAt(history, file, to), hitsIn(at, file));
        const counts = history.countsAt(file, to);
        const ticks = Object.fromEntries(counts.lines.map((line, item) => [line, counts.ticks[item]]));
        for (const [line, { tick }] of at.get(file) ?? []) assert.equal(ticks[line], tick);
        const before = momentAt(moments, from).memory.get(file);
        const gained = [...(at.get(file) ?? [])].map(([line, { hits }]) => [line, hits - (before?.get(line)?.hits ?? 0)] as const);
        assert.deepEqual(Object.fromEntries(history.countsBetween(file, from, to)), Object.fromEntries(gained.filter(([, n]) => n > 0)));
        assert.equal(history.sumsAt(to).get(file) ?? 0, Object.values(hitsIn(at, file)).reduce((sum, n) => sum + n, 0));
        for (const line of [1, 4]) {
          const hitAt = moments.filter(({ memory }, i) => i > 0 && (memory.get(file)?.get(line)?.hits ?? 0) > (moments[i - 1]?.memory.get(file)?.get(line)?.hits ?? 0)).map(({ tick }) => tick);
          assert.equal(history.changeAfter(file, line, to), hitAt.find((tick) => tick > to) ?? null);
          const shown = history.tickAt(to);
          assert.equal(history.changeBefore(file, line, to), hitAt.findLast((tick) => tick < shown) ?? null);
          assert.equal(history.hitEarlier(file, line), ((moments[0] as Moment).memory.get(file)?.get(line)?.hits ?? 0) > 0);
        }
      }
      const stack = momentAt(moments, to).lines;
      assert.deepEqual(history.threadsAt(to).map(({ frames }) => frames.map(({ file, line }) => [file, line])), stack === null ? [] : [stack]);
    }),
    { numRuns: 300 },
  );
});

test('joined steps still say the truth of the moments that are left, and the newest counts are exact', () => {
  const tight: Limits = { bytes: 4000, ms: 1e9, fineMs: 500, keepsAll: true };
  fc.assert(
    fc.property(fc.array(tolds, { minLength: 3, maxLength: 3 }), (parts) => {
      const history = new History(ID, tight);
      const { moments } = tell(history, parts.flat());
      let tick: number | null = history.start;
      assert.equal(tick, (moments[0] as Moment).tick);
      for (; tick !== null; tick = history.tickAfter(tick))
        for (const file of [0, 1, 2]) assert.deepEqual(hitsAt(history, file, tick), hitsIn(momentAt(moments, tick).memory, file));
      assert.equal(history.end, moments.at(-1)?.tick);
    }),
    { numRuns: 100 },
  );
});

test('samples count each look at each stack once, joined or not', () => {
  fc.assert(
    fc.property(fc.array(tolds, { minLength: 3, maxLength: 3 }), fc.boolean(), (parts, joined) => {
      const history = new History(ID, joined ? { bytes: 4000, ms: 1e9, fineMs: 100, keepsAll: true } : LOOSE);
      const told = parts.flat();
      tell(history, told);
      const first = told.findIndex(({ stack }) => stack !== null);
      const looks = history.samplesBetween(-1, Infinity).reduce((sum, { all }) => sum + all, 0);
      assert.equal(looks, first === -1 ? 0 : told.length - first);
    }),
    { numRuns: 100 },
  );
});

test('a picture of the past has the counts, files and threads of its moment; of a span, those since it began', () => {
  fc.assert(
    fc.property(tolds, fc.array(fc.nat(20_000), { minLength: 1, maxLength: 8 }), fc.option(fc.nat(20_000)), (told, ticks, span) => {
      const history = new History(ID, LOOSE);
      const { moments } = tell(history, told);
      const { start, end } = history;
      const from = span === null ? null : Math.min(Math.max(span, start), end);
      const past = new Past(history, new ProgramModel(ID, 0), from);
      for (const wanted of ticks) {
        const tick = Math.min(end, Math.max(from ?? start, wanted));
        for (const file of [wanted % 3, 0]) {
          past.show(file, tick);
          const at = hitsIn(momentAt(moments, tick).memory, file);
          const before = from === null ? {} : hitsIn(momentAt(moments, from).memory, file);
          const want = Object.fromEntries(Object.entries(at).map(([line, n]) => [line, n - (before[Number(line)] ?? 0)] as const).filter(([, n]) => n !== 0));
          const table = past.model.table(file);
          const got = Object.fromEntries((table?.lines ?? []).map((line, item) => [line, table?.hitsOf(item)] as const).filter(([, n]) => n !== 0));
          assert.deepEqual(got, want);
          assert.equal(past.model.fileHeat.hitsOf(file), Object.values(want).reduce((sum, n) => sum + n, 0));
        }
        assert.equal(past.model.threads, history.threadsAt(tick));
      }
    }),
    { numRuns: 200 },
  );
});

test('a picture that follows stays true while the steps behind it are joined and given up', () => {
  const tight: Limits = { bytes: 6000, ms: 1e9, fineMs: 1000, keepsAll: false };
  fc.assert(
    fc.property(fc.array(tolds, { minLength: 3, maxLength: 3 }), fc.nat(60), fc.nat(3000), (parts, markAt, behind) => {
      const told = parts.flat();
      const { moments, frames } = tell(new History(ID, LOOSE), told);
      const history = new History(ID, tight);
      let past: Past | null = null;
      let from = 0;
      frames.forEach((frame, i) => {
        history.take(frame);
        if (i === Math.min(markAt, frames.length >> 1)) {
          from = history.end;
          history.pins = [from];
          past = new Past(history, new ProgramModel(ID, 0), from);
        }
        if (past === null || history.start > from) return;
        const tick = history.tickAt(Math.max(from, history.end - behind)); // live, or played a little behind
        past.show(0, tick);
        const before = hitsIn(momentAt(moments, from).memory, 0);
        const want = Object.entries(hitsIn(momentAt(moments, tick).memory, 0)).map(([line, n]) => [line, n - (before[Number(line)] ?? 0)]);
        const table = past.model.table(0);
        const got = (table?.lines ?? []).map((line, item) => [String(line), table?.hitsOf(item)]);
        const hit = (all: unknown[][]): unknown => Object.fromEntries(all.filter(([, n]) => n !== 0));
        if (tick < from) return;
        assert.deepEqual(hit(got), hit(want));
        const anew = Object.fromEntries([...history.countsBetween(0, from, tick)].map(([line, n]) => [String(line), n]));
        assert.deepEqual(anew, hit(want));
      });
    }),
    { numRuns: 100 },
  );
});

/** A program with many busy lines that is looked at twenty times a second. */
function busy(history: History, seconds: number, lines: number): void {
  for (let tick = 0; tick < seconds * 1000; tick += 50) {
    const triples: number[] = [];
    for (let line = 1; line <= lines; line++) triples.push(line, (tick / 50 + 1) * line, tick);
    const program = { id: ID, full: tick === 0, tick, linesOf: [[0, tick === 0, triples]], threads: [threadOf([[0, 1 + (tick % 7)]], tick)] };
    history.take(guardFrame({ v: 1, now: 1, program }).program as ProgramFrame);
  }
}

test('a program followed for long takes no more than its room, and the newest half minute stays as it came', () => {
  const history = new History(ID, { ...LIVE, bytes: 2_000_000 });
  busy(history, 300, 100);
  assert.ok(history.size <= 2_000_000, `${history.size} bytes`);
  assert.equal(history.tickBefore(history.end - 20_000), history.end - 20_050);
  assert.ok(history.end - history.start > 60_000, `${history.end - history.start} ms are left`);
});

test('of a recording no moment is given up, only detail', () => {
  const history = new History(ID, { ...RECORDING, bytes: 500_000 });
  busy(history, 120, 50);
  assert.equal(history.start, 0);
  assert.ok(history.size <= 500_000, `${history.size} bytes`);
});

test('a program that stands still takes no room', () => {
  const history = new History(ID);
  const still = (tick: number): ProgramFrame => guardFrame({ v: 1, now: 1, program: { id: ID, full: false, tick } }).program as ProgramFrame;
  for (let tick = 0; tick < 100_000; tick += 50) history.take(still(tick));
  assert.ok(history.stepCount <= 3, `${history.stepCount} steps`);
  assert.equal(history.end, 99_950);
});

test('stacks without end do not grow the tree of them without end', () => {
  const history = new History(ID, LOOSE);
  for (let tick = 0; tick < 4000; tick++) {
    const stack = Array.from({ length: 30 }, (_, i) => [0, 1 + ((tick * (i + 1)) % 100_003)] as const);
    history.take(guardFrame({ v: 1, now: 1, program: { id: ID, full: tick === 0, tick, threads: [threadOf(stack, tick)] } }).program as ProgramFrame);
  }
  assert.ok(history.stepCount < 2000);
  assert.equal(history.threadsAt(Infinity)[0]?.frames.length, 30);
});

test('lines that a large program’s frames bring late were hit before the history began', () => {
  const history = new History(ID);
  const take = (program: Record<string, unknown>, more: boolean): void =>
    history.take(guardFrame({ v: 1, now: 1, program: { id: ID, full: false, ...program } }).program as ProgramFrame, more);
  take({ full: true, tick: 10, linesOf: [[0, true, [1, 5, 1]]] }, true);
  take({ tick: 20, linesOf: [[0, false, [2, 6, 1]], [1, true, [1, 7, 2]]] }, false);
  take({ tick: 30, linesOf: [[2, true, [1, 3, 25]]] }, true);
  assert.deepEqual(hitsAt(history, 0, 10), { 1: 5, 2: 6 });
  assert.deepEqual(hitsAt(history, 1, 10), { 1: 7 });
  assert.equal(history.hitEarlier(1, 1), true);
  assert.deepEqual(hitsAt(history, 2, 10), {}, 'a file that was not there yet');
});
