// pulses.test.ts — the list's hits a second: from look to look, for half a minute.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { curve, Pulses, RATES_KEPT } from '../../../web/src/pulses';

const A = '000000000000000a';
const B = '000000000000000b';

test('the first look tells hits, the second how many a second', () => {
  const pulses = new Pulses();
  pulses.take([{ id: A, hits: 1000, threads: 2 }], 5000);
  assert.deepEqual(pulses.of(A)?.rates, []);
  pulses.take([{ id: A, hits: 1600, threads: 3 }], 5500);
  assert.deepEqual([pulses.of(A)?.hits, pulses.of(A)?.threads, pulses.of(A)?.rates], [1600, 3, [1200]]);
});

test('a look right after another waits for the next to tell a rate', () => {
  const pulses = new Pulses();
  pulses.take([{ id: A, hits: 0, threads: 1 }], 1000);
  pulses.take([{ id: A, hits: 90, threads: 1 }], 1001);
  assert.deepEqual(pulses.of(A)?.rates, []);
  pulses.take([{ id: A, hits: 100, threads: 1 }], 1500);
  assert.deepEqual(pulses.of(A)?.rates, [200]);
});

test('a program that is no longer told of is forgotten', () => {
  const pulses = new Pulses();
  pulses.take([{ id: A, hits: 1, threads: 1 }, { id: B, hits: 1, threads: 1 }], 1000);
  pulses.take([{ id: B, hits: 2, threads: 1 }], 1500);
  assert.equal(pulses.of(A), null);
  assert.deepEqual(pulses.of(B)?.rates, [2]);
});

test('half a minute is kept', () => {
  const pulses = new Pulses();
  for (let n = 0; n <= RATES_KEPT + 5; n++) pulses.take([{ id: A, hits: n * n, threads: 1 }], n * 500);
  const rates = pulses.of(A)?.rates ?? [];
  assert.equal(rates.length, RATES_KEPT);
  assert.equal(rates.at(-1), 2 * (2 * (RATES_KEPT + 5) - 1));
});

test('a curve stays in its box, ends at the right edge and reaches the top when anything happened', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e12, noNaN: true }), { minLength: 2, maxLength: RATES_KEPT }), (rates) => {
      const points = curve(rates, 120, 20).split(' ').map((point) => point.split(',').map(Number) as [number, number]);
      assert.ok(points.every(([x, y]) => x >= 0 && x <= 120 && y >= 0 && y <= 20));
      assert.equal(points.at(-1)?.[0], 120);
      if (Math.max(...rates) >= 1) assert.equal(Math.min(...points.map(([, y]) => y)), 0);
    }),
  );
});
