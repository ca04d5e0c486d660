// trouble.test.ts — every state of trouble has its words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgramModel } from '../../../web/src/store';
import { dropTexts, fileMessages, fullest, isNearlyFull, linkMessage, programMessages, recordingMessage } from '../../../web/src/trouble';
import type { Program, ProgramState } from '../../../web/src/wire';

function program(state: ProgramState, why = '', more: Partial<Program> = {}): Program {
  const rest = { pid: 1, name: 'x', argv: [], python: '3.14.8', parent: null, start: 0, end: null, caller: '' };
  return { id: '0000000000000001', state, why, ...rest, ...more };
}

function keys(state: ProgramState, why = ''): string[] {
  return programMessages(program(state, why), null).map((message) => message.key);
}

test('each state of a program has its own message; a live one needs none', () => {
  assert.deepEqual(keys('live'), []);
  assert.deepEqual(keys('closed', 'exit'), ['ended']);
  const ends = ['exit', 'stopped', 'exec', 'later'].map((why) => programMessages(program('closed', why), null)[0]?.title);
  assert.deepEqual(ends, ['Ended', 'Tracing stopped', 'Became another program', 'Ended']);
  assert.deepEqual(keys('dead'), ['dead']);
  assert.deepEqual(keys('unknown'), ['unknown']);
  assert.deepEqual(keys('corrupt'), ['corrupt']);
});

test('a corrupt segment says what is wrong with it', () => {
  assert.match(programMessages(program('corrupt', 'section past the end'), null)[0]?.text ?? '', /section past the end/);
});

test('a program that is gone says so, whatever the list said last', () => {
  const model = new ProgramModel('0000000000000001', 0);
  model.gone = true;
  assert.deepEqual(programMessages(null, model).map((m) => m.key), ['gone']);
  assert.deepEqual(programMessages(program('live'), model).map((m) => m.key), ['gone']);
});

test('a taken-over trace function is told until it is given back', () => {
  const model = new ProgramModel('0000000000000001', 0);
  model.notes.push({ kind: 'taken-over', tick: 1, text: 'pydevd has the trace function' });
  assert.deepEqual(programMessages(program('live'), model).map((m) => m.key), ['taken']);
  model.notes.push({ kind: 'filter', tick: 2, text: 'x' });
  assert.equal(programMessages(program('live'), model).length, 1);
  model.notes.push({ kind: 'resumed', tick: 3, text: '' });
  assert.deepEqual(programMessages(program('live'), model), []);
});

test('a recording says that its program was still running where it ends, when it was', () => {
  const loaded = { state: 'loaded', torn: false } as const;
  assert.match(recordingMessage(loaded, program('live'), true)?.text ?? '', /still running/);
  assert.equal(recordingMessage(loaded, program('live'), false), null);
  for (const state of ['closed', 'dead', 'unknown'] as const) assert.equal(recordingMessage(loaded, program(state), true), null);
  assert.equal(recordingMessage({ ...loaded, torn: true }, program('live'), true)?.title, 'The recording is torn');
  assert.match(recordingMessage({ state: 'loading', share: 0.5, torn: false }, program('live'), true)?.text ?? '', /loading/);
});

test('a lost connection says why', () => {
  assert.equal(linkMessage({ state: 'open' }), null);
  assert.match(linkMessage({ state: 'refused', why: 'a token is needed' })?.text ?? '', /a token is needed/);
  assert.match(linkMessage({ state: 'lost', why: 'hrview has gone away' })?.text ?? '', /hrview has gone away/);
});

test('a file says what is the matter with it', () => {
  const file = { index: 0, path: "/a/it's.py", traced: true, disk: true, source: true, changed: false };
  assert.deepEqual(fileMessages(file, false, null), []);
  assert.deepEqual(fileMessages(file, true, null).map((m) => m.key), ['changed']);
  assert.deepEqual(fileMessages(file, false, 'permission denied').map((m) => m.key), ['source']);
  assert.deepEqual(fileMessages(file, true, 'No such file or directory').map((m) => m.key), ['source']); // there is no text that could be another
  const untraced = fileMessages({ ...file, traced: false }, false, null);
  assert.match(untraced[0]?.text ?? '', /path_contains\('\/a\/it\\'s\.py'\)/);
});

test('drops are told by kind, and only those there are', () => {
  const drops = new Map([['hits', 1234], ['codes', 0], ['new-kind', 2]]);
  assert.deepEqual(dropTexts(drops), ['1,234 line hits not counted', '2 new-kind']);
});

test('the table that will be full first is told, and that it nearly is', () => {
  const [empty, half, last] = [{ name: 'none', used: 0, capacity: 0 }, { name: 'files', used: 5, capacity: 10 }, { name: 'slots', used: 91, capacity: 100 }];
  assert.equal(fullest([]), null);
  assert.equal(fullest([empty, half])?.name, 'files');
  assert.equal(fullest([half, last, empty])?.name, 'slots');
  assert.deepEqual([empty, half, last, { ...last, used: 90 }].map(isNearlyFull), [false, false, true, false]);
});
