// timeline.test.ts — the reader's place in time: what each wish makes of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../../web/src/history';
import { stackedRows } from '../../../web/src/rates';
import { clockTime, parseWhen, Timeline } from '../../../web/src/timeline';
import { guardFrame, type ProgramFrame } from '../../../web/src/wire';

const ID = '0000000000000001';

/** Steps at 1000, 1100 … 2000. */
function ten(): History {
  const history = new History(ID);
  for (let tick = 1000; tick <= 2000; tick += 100) {
    const program = { id: ID, full: tick === 1000, tick, linesOf: [[0, tick === 1000, [1, tick, tick]]] };
    history.take(guardFrame({ v: 1, now: 1, program }).program as ProgramFrame);
  }
  return history;
}

test('pausing freezes the newest moment, resuming goes on with what comes', () => {
  const timeline = new Timeline();
  assert.equal(timeline.past, false);
  timeline.pause(ten());
  assert.deepEqual([timeline.place.at, timeline.live, timeline.past], [2000, false, true]);
  timeline.resume();
  assert.deepEqual([timeline.live, timeline.past], [true, false]);
});

test('an open span goes on after a pause, one with an end is left', () => {
  const timeline = new Timeline();
  timeline.select(1200, null);
  timeline.pause(ten());
  timeline.resume();
  assert.deepEqual([timeline.live, timeline.place.from], [true, 1200]);
  timeline.select(1200, 1500);
  assert.equal(timeline.place.at, 1500);
  timeline.resume();
  assert.deepEqual([timeline.live, timeline.place.from], [true, null]);
});

test('within a span one moves without leaving it; outside it is given up', () => {
  const timeline = new Timeline();
  timeline.select(1200, 1500);
  timeline.seek(1300);
  assert.deepEqual([timeline.place.from, timeline.place.at], [1200, 1300]);
  timeline.seek(1100);
  assert.deepEqual([timeline.place.from, timeline.place.at], [null, 1100]);
});

test('steps go from frame to frame and stop at the ends', () => {
  const timeline = new Timeline();
  const history = ten();
  timeline.step(history, false);
  assert.equal(timeline.place.at, 1900);
  timeline.seek(1150); // between two: the earlier is what is shown
  timeline.step(history, true);
  assert.equal(timeline.place.at, 1200);
  timeline.seek(1150);
  timeline.step(history, false);
  assert.equal(timeline.place.at, 1000);
  timeline.step(history, false);
  assert.equal(timeline.place.at, 1000);
});

test('playing goes at its speed, and at the end of what is remembered becomes live', () => {
  const timeline = new Timeline();
  const history = ten();
  timeline.seek(1000);
  timeline.faster(1); // 2×
  timeline.play(history, 0);
  timeline.advance(history, 100, true);
  assert.equal(timeline.place.at, 1200);
  timeline.advance(history, 10_000, true);
  assert.deepEqual([timeline.live, timeline.playing], [true, false]);
});

test('a recording that has been played stands at its end, and plays from the beginning again', () => {
  const timeline = new Timeline();
  const history = ten();
  timeline.play(history, 0);
  assert.equal(timeline.place.at, 1000);
  timeline.advance(history, 10_000, false);
  assert.deepEqual([timeline.place.at, timeline.playing], [2000, false]);
});

test('a span is played within its ends', () => {
  const timeline = new Timeline();
  const history = ten();
  timeline.select(1200, 1500);
  timeline.play(history, 0);
  assert.equal(timeline.place.at, 1200);
  timeline.advance(history, 100, true);
  assert.deepEqual([timeline.place.at, timeline.place.from], [1300, 1200]);
  timeline.advance(history, 10_000, true);
  assert.deepEqual([timeline.place.at, timeline.playing], [1500, false]);
});

test('speeds reach from a tenth to a hundred', () => {
  const timeline = new Timeline();
  for (let i = 0; i < 20; i++) timeline.faster(1);
  assert.equal(timeline.speed, 100);
  for (let i = 0; i < 20; i++) timeline.faster(-1);
  assert.equal(timeline.speed, 0.1);
});

test('a mark begins a span; marks stay in order, and one that is taken away takes its span along', () => {
  const timeline = new Timeline();
  const history = ten();
  timeline.mark(history);
  assert.deepEqual([timeline.place.from, timeline.place.at, timeline.place.marks], [2000, null, [2000]]);
  timeline.seek(1300);
  timeline.mark(history);
  assert.deepEqual(timeline.place.marks, [1300, 2000]);
  timeline.unmark(1300);
  assert.deepEqual([timeline.place.from, timeline.place.marks], [null, [2000]]);
});

test('what a URL says of time is taken only as far as it makes sense', () => {
  assert.deepEqual(parseWhen('100-200', null, null), { at: 200, from: 100, until: 200, marks: [] });
  assert.deepEqual(parseWhen('100-', null, '7,x,3'), { at: null, from: 100, until: null, marks: [3, 7] });
  assert.deepEqual(parseWhen('200-100', '150', null), { at: 150, from: null, until: null, marks: [] });
  assert.deepEqual(parseWhen('1e3-5', '-1', ''), { at: null, from: null, until: null, marks: [] });
});

test('a moment outside of what is remembered shows the nearest that is', () => {
  const timeline = new Timeline();
  const history = ten();
  timeline.seek(5);
  assert.equal(timeline.tick(history), 1000);
  timeline.seek(5000);
  assert.equal(timeline.tick(history), 2000);
});

test('the program’s clock is written as a player writes it', () => {
  assert.deepEqual([0, 3250, 59_999, 61_000, 723_250, 3_723_000].map(clockTime), ['0:00.00', '0:03.25', '0:59.99', '1:01.00', '12:03.2', '1:02:03']);
});

test('the strip’s rows lie on top of one another, and each keeps its colour however many files there are', () => {
  const at = Float64Array.of(0, 1);
  const rows = [Float64Array.of(5, 6), Float64Array.of(1, 2), Float64Array.of(0, 1)];
  const stacked = stackedRows({ at, files: [7, 3], rows }, 4).map((row) => [...row]);
  // All, then no third and fourth file, the second on the first, the first.
  assert.deepEqual(stacked, [[6, 9], [0, 0], [0, 0], [6, 8], [5, 6]]);
  assert.deepEqual(stackedRows({ at, files: [], rows: [at] }, 1).map((row) => [...row]), [[0, 1], [0, 0]]);
});
