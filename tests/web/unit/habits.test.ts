// habits.test.ts — hiding cold lines, following the program, estimating time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Follower, type Sight } from '../../../web/src/follow';
import { Samples } from '../../../web/src/samples';
import { ProgramModel } from '../../../web/src/store';
import { coldRuns } from '../../../web/src/views/cold';
import type { FileEntry, RunState, Thread } from '../../../web/src/wire';

const FILES: FileEntry[] = [true, true, false].map((traced, index) => ({ index, path: `/${index}.py`, traced, disk: true, source: true, changed: false }));

function thread(state: RunState, ...at: [file: number, line: number][]): Thread {
  const frames = at.map(([file, line]) => ({ file, function: 'f', line, endLine: line, col: -1, endCol: -1 }));
  return { id: 1, native: 1, name: '', task: false, state, since: 0, tick: 0, depth: frames.length, elidedAt: frames.length, frames };
}

function model(...threads: Thread[]): ProgramModel {
  const made = new ProgramModel('0000000000000001', 0);
  made.files.push(...FILES);
  made.setThreads(threads);
  return made;
}

test('runs of lines not hit are folded, short ones are not worth it', () => {
  const hit = new Set([3, 6, 10]);
  assert.deepEqual(coldRuns(14, (line) => hit.has(line)), [[7, 9], [11, 14]]);
  assert.deepEqual(coldRuns(3, () => false), [[1, 3]]);
  assert.deepEqual(coldRuns(2, () => false), []);
  assert.deepEqual(coldRuns(0, () => false), []);
});

test('folding never hides a line that was hit, and leaves no three cold lines together', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (hits) => {
      const hidden = new Set<number>();
      for (const [first, last] of coldRuns(hits.length, (line) => hits[line - 1] === true))
        for (let line = first; line <= last; line++) hidden.add(line);
      let cold = 0;
      hits.forEach((hit, i) => {
        assert.ok(!(hit && hidden.has(i + 1)), `line ${i + 1}`);
        cold = hit || hidden.has(i + 1) ? 0 : cold + 1;
        assert.ok(cold < 3, `line ${i + 1}`);
      });
    }),
  );
});

test('time is estimated from threads that run, by their innermost traced line', () => {
  const samples = new Samples();
  samples.take([thread('running', [0, 5], [2, 99]), thread('sleeping', [0, 7])], FILES);
  samples.take([thread('running', [0, 5]), thread('running', [1, 5])], FILES);
  samples.take([thread('running', [2, 1])], FILES);
  assert.equal(samples.total, 3);
  assert.equal(samples.share(0, 5), 2 / 3);
  assert.equal(samples.share(0, 7), 0);
  assert.equal(new Samples().share(0, 1), 0);
});

function sight(sees: (line: number) => boolean, thread: number | null = null): Sight {
  return { file: 0, thread, sees };
}

test('following moves when the running line has been out of sight for a while', () => {
  const follower = new Follower();
  const running = model(thread('running', [0, 50]));
  const sees = (line: number): boolean => line < 20;
  assert.equal(follower.next(running, sight(sees), 0, 10_000), null);
  assert.equal(follower.next(running, sight(sees), 0, 10_600), null);
  assert.deepEqual(follower.next(running, sight(sees), 0, 10_700), { file: 0, line: 50 });
});

test('following stays while the line is in sight, and rests after a move', () => {
  const follower = new Follower();
  const far = model(thread('running', [0, 50]));
  const near = model(thread('running', [0, 5]));
  const sees = (line: number): boolean => line < 20;
  follower.next(far, sight(sees), 0, 10_000);
  follower.next(near, sight(sees), 0, 10_500);
  assert.equal(follower.next(far, sight(sees), 0, 11_000), null, 'it came back into sight in between');
  assert.notEqual(follower.next(far, sight(sees), 0, 11_700), null);
  follower.next(far, sight(sees), 0, 11_800);
  assert.equal(follower.next(far, sight(sees), 0, 12_900), null, 'a move a second ago');
  assert.notEqual(follower.next(far, sight(sees), 0, 13_200), null);
});

test('following goes to another file with more patience, and to the thread that runs', () => {
  const follower = new Follower();
  const elsewhere = model(thread('sleeping', [0, 5]), { ...thread('running', [1, 3], [2, 9]), id: 2 });
  assert.equal(follower.next(elsewhere, sight(() => true), 0, 10_000), null);
  assert.equal(follower.next(elsewhere, sight(() => true), 0, 11_700), null);
  assert.deepEqual(follower.next(elsewhere, sight(() => true), 0, 11_800), { file: 1, line: 3 });
  assert.equal(follower.next(model(), sight(() => false), 0, 20_000), null, 'nothing runs in a traced file');
});

test('following one thread looks at no other', () => {
  const follower = new Follower();
  const two = model({ ...thread('running', [0, 90]), id: 1 }, { ...thread('sleeping', [0, 50]), id: 2 });
  follower.next(two, sight(() => false, 2), 0, 10_000);
  assert.deepEqual(follower.next(two, sight(() => false, 2), 0, 10_700), { file: 0, line: 50 });
});

test('following the hottest goes to the line with the most hits a second, not the most hits', () => {
  const follower = new Follower();
  follower.following = 'hottest';
  const made = model();
  for (const [file, hits] of [[0, 1_000_000], [1, 10]] as const) {
    made.fileHeat.seed(file, hits);
    made.openTable(file, true).apply([5, hits, 1, 7, 1, 1], true, 0);
  }
  made.fileHeat.advance(1, 110, 1000);
  made.table(1)?.apply([7, 101, 1000], false, 1000);
  const elsewhere = sight(() => false);
  assert.equal(follower.next(made, elsewhere, 1000, 10_000), null);
  assert.deepEqual(follower.next(made, elsewhere, 1000, 12_000), { file: 1, line: 7 });
  made.fileHeat.advance(0, 1_000_000 + 5000, 4000);
  made.table(0)?.apply([5, 1_005_000, 4000], false, 4000);
  follower.next(made, elsewhere, 4000, 20_000);
  assert.deepEqual(follower.next(made, elsewhere, 4000, 20_700), { file: 0, line: 5 });
  assert.equal(follower.next(made, elsewhere, 4_000_000, 30_000), null, 'nothing has been hit for an hour');
});
