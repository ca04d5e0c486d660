// stack.test.ts — stacks: folding, what is left out, running expressions and statements.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EditorState, Text } from '@codemirror/state';
import { isMachinery, stuckMs, stackRows } from '../../../web/src/stack';
import { expressionRange, runningField, runningFirst, runningIn, runningLines, withoutIndent } from '../../../web/src/views/running';
import { statementOf } from '../../../web/src/views/statement';
import type { Frame, Thread } from '../../../web/src/wire';

function frame(file: number, line = 1, col = -1, endCol = -1, endLine = line): Frame {
  return { file, function: 'f', line, endLine, col, endCol };
}

function thread(frames: Frame[], more: Partial<Thread> = {}): Thread {
  const rest = { task: false, state: 'running', since: 0, tick: 0, depth: frames.length, elidedAt: frames.length } as const;
  return { id: 1, native: 1, name: 'T', ...rest, frames, ...more };
}

const PATHS = ['/usr/lib/python3.11/threading.py', '/app/x.py', '<frozen runpy>'];
const pathOf = (file: number): string => PATHS[file] ?? '';

test('frames of what started the program are folded together', () => {
  const rows = stackRows(thread([frame(2), frame(2), frame(1), frame(0), frame(1)]), pathOf);
  assert.deepEqual(rows.map((row) => row.kind), ['folded', 'frame', 'folded', 'frame']);
  assert.equal(rows[0]?.kind === 'folded' && rows[0].frames.length, 2);
});

test('the innermost frame is never folded: it is what runs', () => {
  const rows = stackRows(thread([frame(0), frame(0)]), pathOf);
  assert.deepEqual(rows.map((row) => row.kind), ['folded', 'frame']);
});

test('a reader may unfold', () => {
  assert.deepEqual(stackRows(thread([frame(0), frame(1)]), pathOf, true).map((row) => row.kind), ['frame', 'frame']);
});

test('frames that are left out are told where they are missing', () => {
  const rows = stackRows(thread([frame(1), frame(1), frame(1)], { depth: 10, elidedAt: 2 }), pathOf);
  assert.deepEqual(rows.map((row) => row.kind), ['frame', 'frame', 'elided', 'frame']);
  assert.equal(rows[2]?.kind === 'elided' && rows[2].count, 7);
});

test('frames missing at the end are told too', () => {
  const rows = stackRows(thread([frame(1)], { depth: 3, elidedAt: 1 }), pathOf);
  assert.deepEqual(rows.map((row) => row.kind), ['frame', 'elided']);
});

test('a stack that says nonsense of its depth is shown as it is', () => {
  assert.equal(stackRows(thread([frame(1)], { depth: 0, elidedAt: 99 }), pathOf).length, 1);
  assert.equal(stackRows(thread([]), pathOf).length, 0);
});

test('machinery is what runs modules, threads and imports, and nothing of the program’s', () => {
  for (const path of ['<frozen importlib._bootstrap_external>', '/opt/lib/python3.14/runpy.py', '/x/heartrate_shm/__main__.py'])
    assert.ok(isMachinery(path), path);
  for (const path of ['/app/threading.py', '/usr/lib/python3.11/json/decoder.py', '<string>', ''])
    assert.ok(!isMachinery(path), path);
});

test('a thread that has not moved for five seconds is stuck, and one whose line was hit since has moved', () => {
  const never = () => 0;
  const standing = thread([frame(1)], { since: 1000 });
  assert.equal(stuckMs(standing, [standing], 5999, never), 0);
  assert.equal(stuckMs(standing, [standing], 6000, never), 5000);
  assert.equal(stuckMs(thread([], { since: 0 }), [], 1e9, never), 0);
  assert.equal(stuckMs(standing, [standing], 9000, () => 4001), 0);
  assert.equal(stuckMs(standing, [standing], 9001, () => 4001), 5000);
});

test('a loop’s thread, which is seen where it waits for events, has moved when a task of its has', () => {
  const loop = thread([frame(0)], { id: 7 });
  const task = thread([frame(1)], { id: 8, native: 7, task: true });
  const lastHit = (file: number): number => (file === 1 ? 8000 : 0);
  assert.equal(stuckMs(loop, [loop, task], 9000, lastHit), 0);
  assert.equal(stuckMs(loop, [loop, { ...task, native: 9 }], 9000, lastHit), 9000);
  assert.equal(stuckMs(loop, [loop, task], 14_000, lastHit), 6000);
  assert.equal(stuckMs(task, [loop, task], 14_000, lastHit), 6000);
});

test('threads at one place mark it once, in the colour of one that runs it itself', () => {
  const text = Text.of(['work(1)', 'other()']);
  const waits = thread([frame(0, 1, 0, 7), frame(1)], { id: 1 });
  const runs = [2, 3, 4].map((id) => thread([frame(0, 1, 0, 7)], { id }));
  const running = runningIn(0, [waits, ...runs], (id) => id);
  const marks: string[] = [];
  const state = EditorState.create({ doc: text, extensions: runningFirst(running) });
  state.field(runningField).between(0, text.length, (from, to, mark) => void marks.push(`${from}-${to} ${(mark.spec as { class: string }).class}`));
  assert.deepEqual(marks, ['0-7 run t2 run-inner']);
});

test('an expression’s range counts in bytes on the wire, in UTF-16 here', () => {
  const text = Text.of(['x = 1', 'é = f("日", g(𝔘))', 'z']);
  const range = expressionRange(text, frame(0, 2, 14, 21));
  assert.equal(text.sliceString(range?.from ?? 0, range?.to ?? 0), 'g(𝔘)');
});

test('an expression over several lines is marked to its end', () => {
  const text = Text.of(['a = [', '  1,', ']']);
  const range = expressionRange(text, frame(0, 1, 4, 1, 3));
  assert.deepEqual(range, { from: 4, to: text.length });
});

test('the indents inside an expression over several lines are not marked', () => {
  const text = Text.of(['a = [', '    1,', '', '  ]']);
  const parts = withoutIndent(text, { from: 4, to: text.length }).map(({ from, to }) => text.sliceString(from, to));
  assert.deepEqual(parts, ['[', '1,', ']']);
});

test('a place that is a whole compound statement is its first line: the body does not run', () => {
  const text = Text.of(['  for x in rows():', '    use(x)', 'total = sum(', '  forms)']);
  assert.deepEqual(expressionRange(text, frame(0, 1, 2, 10, 2)), { from: 2, to: 18 });
  assert.deepEqual(expressionRange(text, frame(0, 3, 8, 8, 4)), { from: 38, to: 51 }, 'an expression of two lines');
});

test('without columns the statement is marked without its indent', () => {
  const text = Text.of(['def f():', '    return 1  ']);
  assert.deepEqual(expressionRange(text, frame(0, 2)), { from: 13, to: 21 });
});

test('a frame that is not in this text marks nothing', () => {
  const text = Text.of(['x', '']);
  assert.equal(expressionRange(text, frame(0, 3)), null);
  assert.equal(expressionRange(text, frame(0, 0)), null);
  assert.equal(expressionRange(text, frame(0, 2, 0, 5)), null);
  assert.deepEqual(expressionRange(text, frame(0, 1, 5, 9)), { from: 0, to: 1 }, 'columns past the end');
});

test('running frames of the file are found in all threads, with their colour', () => {
  const threads = [thread([frame(1, 5), frame(0, 9), frame(1, 6)]), { ...thread([frame(1, 5)]), id: 2 }];
  const running = runningIn(1, threads, (id) => id - 1);
  assert.deepEqual(running.map((r) => [r.frame.line, r.colour, r.innermost]), [[5, 0, false], [6, 0, true], [5, 1, true]]);
  assert.deepEqual([...runningLines(running)], [[5, [0, 1]], [6, [0]]]);
});

test('a statement is shown from where it begins, with the running part in it', () => {
  const lines = ['', '    total = é + f(x)  # why'];
  assert.deepEqual(statementOf(lines, frame(0, 2, 17, 21)), { text: 'total = é + f(x)  # why', from: 12, to: 16 });
  assert.deepEqual(statementOf(lines, frame(0, 2)), { text: 'total = é + f(x)  # why', from: 0, to: 0 });
  assert.equal(statementOf(lines, frame(0, 3)), null);
});

test('a statement that runs as a whole has nothing to point out', () => {
  assert.deepEqual(statementOf(['  f(x)'], frame(0, 1, 2, 6)), { text: 'f(x)', from: 0, to: 0 });
  assert.deepEqual(statementOf(['a = [', '1]'], frame(0, 1, 4, 2, 2)), { text: 'a = [', from: 4, to: 5 });
});
