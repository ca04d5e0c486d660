// store.test.ts — frames applied: what replaces, what adds, what is kept while frozen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOME } from '../../../web/src/route';
import { guardFrame, type Program, type WireFrame } from '../../../web/src/wire';
import { Clock } from '../../../web/src/clock';
import { type ProgramModel, Store } from '../../../web/src/store';
import { Time } from '../../../web/src/time';
import { idleMs } from '../../../web/src/trouble';

const ID = '0000000000000001';

function frame(program: Record<string, unknown>): WireFrame {
  return guardFrame({ v: 1, now: 1000, program: { id: ID, full: false, tick: 10, ...program } });
}

function file(i: number, path: string, traced = true): Record<string, unknown> {
  return { i, path, traced, disk: true, source: true, changed: false };
}

function thread(id: number): Record<string, unknown> {
  return { id, native: id, name: `T${id}`, task: false, state: 'running', since: 1, tick: 1, depth: 0, elided_at: 0, frames: [] };
}

function storeWith(program: Record<string, unknown>): { store: Store; model: ProgramModel } {
  const store = new Store();
  store.apply(frame({ full: true, ...program }), 0, 900);
  store.takeChanges();
  return { store, model: store.model as ProgramModel };
}

test('a full frame replaces everything', () => {
  const { store, model } = storeWith({ files: [file(0, '/a.py')], totals: [0, 5, 1], file: 0, linesFull: true, lines: [1, 5, 1] });
  store.apply(frame({ full: true, files: [file(0, '/b.py')] }), 50, 950);
  assert.notEqual(store.model, model);
  assert.equal(store.model?.files[0]?.path, '/b.py');
  assert.equal(store.model?.table(0), null);
  assert.equal(store.takeChanges().program, true);
});

test('later frames add', () => {
  const { store, model } = storeWith({ files: [file(0, '/a.py')], totals: [0, 5, 1], file: 0, linesFull: true, lines: [1, 5, 1] });
  store.apply(frame({ files: [file(1, '/b.py')], totals: [0, 7, 9], file: 0, lines: [1, 6, 9, 2, 1, 9] }), 50, 950);
  assert.equal(store.model, model);
  const table = model.table(0);
  assert.deepEqual(table?.lines, [1, 2]);
  assert.equal(table?.hitsOf(0), 6);
  assert.equal(model.fileHeat.hitsOf(0), 7);
  assert.equal(model.activeAt, 50);
});

test('a program of which nothing is heard grows neither idle nor older for that', () => {
  const { store, model } = storeWith({ tick: 100, totals: [0, 5, 1] });
  store.apply(frame({ tick: 200, totals: [0, 7, 9] }), 100, 1000);
  const program = { state: 'live' } as Program;
  const idle = (clock: number): number | null => {
    const picture = new Time(store).picture(true, -1, clock, clock);
    assert.ok(picture !== null && picture.tick <= 1200, `tick ${picture?.tick}`);
    return idleMs(program, model, picture.now);
  };
  assert.equal(idle(8100), null);
  store.apply(frame({ tick: 8200 }), 8100, 9000);
  assert.equal(idleMs(program, model, 8100), 8000); // hrview has said that there was no hit
});

test('lines that are full replace those of their file only', () => {
  const { store, model } = storeWith({ files: [file(0, '/a.py'), file(1, '/b.py')], file: 0, linesFull: true, lines: [1, 5, 1] });
  store.apply(frame({ file: 1, linesFull: true, lines: [3, 9, 1] }), 50, 950);
  assert.equal(model.table(0)?.hitsOf(0), 5);
  store.apply(frame({ file: 0, linesFull: true, lines: [2, 1, 1] }), 100, 1000);
  assert.deepEqual(model.table(0)?.lines, [2]);
  assert.deepEqual(model.table(1)?.lines, [3]);
});

test('what a frame does not mention stays', () => {
  const { store, model } = storeWith({ threads: [thread(1)], drops: { hits: 3 }, notes: [['trouble', 1, 'x']] });
  store.apply(frame({}), 50, 950);
  assert.equal(model.threads.length, 1);
  assert.equal(model.drops.get('hits'), 3);
  assert.equal(model.notes.length, 1);
  assert.deepEqual(Object.values(store.takeChanges()).filter(Boolean), []);
});

test('a program that is gone keeps its last picture', () => {
  const { store, model } = storeWith({ files: [file(0, '/a.py')], file: 0, linesFull: true, lines: [1, 5, 1] });
  store.apply(guardFrame({ v: 1, now: 1, program: { id: ID, full: false, gone: true } }), 50, 950);
  assert.equal(model.gone, true);
  assert.equal(model.table(0)?.hitsOf(0), 5);
});

test('a thread keeps its colour while it lives, and a new one takes the lowest that is free', () => {
  const { store, model } = storeWith({ threads: [thread(1), thread(2), thread(3)] });
  assert.deepEqual([1, 2, 3].map((id) => model.colourOf(id)), [0, 1, 2]);
  store.apply(frame({ threads: [thread(3), thread(1), thread(4)] }), 50, 950);
  assert.deepEqual([1, 3, 4].map((id) => model.colourOf(id)), [0, 2, 1]);
});

test('every file keeps its counts, and what all frames brought is remembered', () => {
  const { store, model } = storeWith({ tick: 0 });
  store.apply(frame({ tick: 20, linesOf: [[0, true, [1, 5, 15]], [1, true, [1, 6, 15]]] }), 50, 950);
  store.apply(frame({ tick: 30, linesOf: [[1, false, [1, 8, 29]]] }), 100, 1000);
  assert.deepEqual([0, 1].map((i) => model.table(i)?.hitsOf(0)), [5, 8]);
  assert.deepEqual([10, 20, 30].map((tick) => store.history?.countsAt(1, tick).hits), [[0], [6], [8]]);
});

test('a path with several entries means the newest; the entry says which other one', () => {
  const { model } = storeWith({ files: [file(0, '/a.py'), file(1, '/b.py'), file(2, '/a.py')] });
  assert.equal(model.fileAt('/a.py', null), 2);
  assert.equal(model.fileAt('/a.py', 0), 0);
  assert.equal(model.fileAt('/a.py', 1), 2, 'an entry of another path');
  assert.equal(model.fileAt('/c.py', null), -1);
  assert.deepEqual(model.placeOf(0, 7, null), { ...HOME, program: ID, file: '/a.py', entry: 0, line: 7 });
  assert.deepEqual(model.placeOf(2, null, 5), { ...HOME, program: ID, file: '/a.py', thread: 5 });
});

test('the first file is the caller’s, or else the hottest that is traced', () => {
  const { model } = storeWith({ files: [file(0, '/a.py'), file(1, '/b.py'), file(2, '/c.py', false)], totals: [0, 1, 1, 1, 9, 1] });
  assert.equal(model.firstFile('/a.py'), 0);
  assert.equal(model.firstFile('/c.py'), 1, 'the caller’s is not traced');
  assert.equal(model.firstFile(''), 1);
});

test('hrview’s clock is told apart from this machine’s', () => {
  const { store } = storeWith({});
  assert.equal(store.skew, 100);
});

test('a clock that stands still goes on from where it stood', () => {
  let wall = 0;
  const clock = new Clock(() => wall);
  wall = 100;
  clock.run(false);
  wall = 5000;
  assert.equal(clock.now(), 100);
  clock.run(false);
  clock.run(true);
  wall = 5010;
  assert.equal(clock.now(), 110);
});

test('what viewing costs is told over the last seconds, and anew with another hrview', () => {
  const { viewing } = new Store();
  const take = (now: number, cpu?: number): void => viewing.take(guardFrame({ v: 1, now, ...(cpu === undefined ? {} : { viewer: { cpu_ms: cpu } }) }));
  take(1000, 50);
  assert.equal(viewing.cost, null);
  for (let i = 1; i < 20; i++) take(1000 + 50 * i);
  take(2000, 60);
  assert.deepEqual(viewing.cost, { share: 0.01, framesPerSecond: 20 });
  for (let s = 3; s < 30; s++) take(1000 * s, 60 + 20 * s);
  assert.deepEqual(viewing.cost, { share: 0.02, framesPerSecond: 1 }); // the busy beginning is over
  take(31_000, 5);
  assert.equal(viewing.cost, null);
});
