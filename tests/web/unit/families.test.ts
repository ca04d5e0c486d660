// families.test.ts — the order of programs: children behind their parents, foreign nonsense survived.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inFamilies } from '../../../web/src/choice';
import type { Program, ProgramState } from '../../../web/src/wire';

function program(id: string, parent: string | null, start = 0, state: ProgramState = 'live'): Program {
  return { id, pid: 1, name: id, state, why: '', argv: [], python: '', parent, start, end: null, caller: '' };
}

const order = (programs: Program[]): string[] => inFamilies(programs).map(({ program: p, depth }) => `${'.'.repeat(depth)}${p.id}`);

test('children stand behind their parent, the newest family first, the living before the dead', () => {
  const programs = [program('old', null, 1), program('child', 'old', 5), program('new', null, 9), program('gone', null, 20, 'dead')];
  assert.deepEqual(order(programs), ['new', 'old', '.child', 'gone']);
});

test('a child whose parent is not there stands by itself', () => {
  assert.deepEqual(order([program('a', 'nowhere')]), ['a']);
});

test('every program is shown once, whoever claims to be whose parent', () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const parents = fc.tuple(...ids.map(() => fc.option(fc.constantFrom(...ids))));
  fc.assert(
    fc.property(parents, (claimed) => {
      const shown = inFamilies(ids.map((id, i) => program(id, claimed[i] ?? null)));
      assert.deepEqual(shown.map(({ program: p }) => p.id).sort(), ids);
    }),
  );
});
