// heat.test.ts — the bars: against a slow and simple model that remembers every hit, and in the ways a reader sees them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ramp } from '../../../web/src/colour';
import { Heat, WINDOWS, windowMs } from '../../../web/src/heat';
import { LineTable } from '../../../web/src/lines';

const ALL = WINDOWS - 1;

function levels(heat: Heat, item: number, now: number): number[] {
  const out = new Float32Array(WINDOWS);
  heat.look(now);
  heat.levels(item, out, 0);
  return [...out];
}

interface Hit {
  readonly item: number;
  readonly times: number;
  readonly at: number;
}

/** Shares of each window, remembered the slow way, scaled as heat.ts says: window k by (k+1)/WINDOWS, longest bar 1. */
function slowLevels(hits: readonly Hit[], items: number, now: number, last: number): number[][] {
  const raw = Array.from({ length: items }, () => new Array<number>(WINDOWS).fill(0));
  for (let k = 0; k < WINDOWS; k++) {
    const weight = (hit: Hit): number => hit.times * (k === ALL ? 1 : Math.exp((hit.at - now) / windowMs(k)));
    const sum = hits.reduce((s, hit) => s + weight(hit), 0);
    for (const hit of hits) {
      const row = raw[hit.item] as number[];
      row[k] = (row[k] as number) + (weight(hit) / sum) * ((k + 1) / WINDOWS);
    }
  }
  const longest = Math.max(...raw.flat());
  const age = Math.max(0, now - last - 120);
  return raw.map((row) => row.map((x, k) => (x / longest) * (k === ALL ? 1 : Math.exp(-age / windowMs(k)))));
}

test('bars are what a model that remembers every hit says', () => {
  const items = 5;
  const hit = fc.record({ item: fc.nat(items - 1), times: fc.integer({ min: 1, max: 1000 }), at: fc.nat(1000) });
  fc.assert(
    fc.property(fc.array(hit, { minLength: 1, maxLength: 40 }), fc.nat(400), (unordered, later) => {
      const hits = [...unordered].sort((a, b) => a.at - b.at);
      const heat = new Heat();
      const total = new Array<number>(items).fill(0);
      for (const { item, times, at } of hits) {
        total[item] = (total[item] as number) + times;
        heat.advance(item, total[item], at);
      }
      const last = (hits.at(-1) as Hit).at;
      const now = last + later;
      const slow = slowLevels(hits, items, now, last);
      for (let item = 0; item < items; item++)
        levels(heat, item, now).forEach((level, k) => {
          const want = slow[item]?.[k] as number;
          assert.ok(Math.abs(level - want) < 1e-4, `item ${item}, window ${k}: ${level}, not ${want}`);
        });
    }),
  );
});

test('bars stay between nothing and the whole, whatever happens and however long it takes', () => {
  const step = fc.record({ item: fc.nat(3), times: fc.nat(1e9), wait: fc.oneof(fc.nat(100), fc.nat(1e8)) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const heat = new Heat();
      const total = [0, 0, 0, 0];
      let now = 0;
      for (const { item, times, wait } of steps) {
        now += wait;
        total[item] = (total[item] as number) + times;
        heat.advance(item, total[item], now);
      }
      for (let item = 0; item < 4; item++)
        for (const level of levels(heat, item, now)) assert.ok(level >= 0 && level <= 1 + 1e-6, String(level));
    }),
  );
});

test('more hits make a longer bar', () => {
  const heat = new Heat();
  for (let t = 1; t <= 40; t++) {
    heat.advance(0, t * 90, t * 50);
    heat.advance(1, t * 10, t * 50);
  }
  const hot = levels(heat, 0, 2000);
  const cool = levels(heat, 1, 2000);
  assert.equal(Math.max(...hot), 1);
  hot.forEach((level, k) => assert.ok(Math.abs(level / (cool[k] as number) - 9) < 1e-3, `window ${k}`));
});

test('a line that rests loses its light first and keeps its length', () => {
  const heat = new Heat();
  for (let t = 1; t <= 40; t++) heat.advance(0, t * 100, t * 50);
  const busy = levels(heat, 0, 2000);
  for (let t = 41; t <= 60; t++) heat.advance(1, (t - 40) * 100, t * 50); // another line runs instead
  const resting = levels(heat, 0, 3000);
  assert.ok((resting[0] as number) < (busy[0] as number) / 100, `bright core ${busy[0]} → ${resting[0]}`);
  assert.ok((resting[ALL] as number) > 0.5, `all time ${resting[ALL]}`);
  for (let k = 1; k < WINDOWS; k++) assert.ok((resting[k] as number) >= (resting[k - 1] as number));
});

test('when the whole file rests its bars die away down to what all time has seen', () => {
  const heat = new Heat();
  for (let t = 1; t <= 40; t++) heat.advance(0, t * 100, t * 50);
  const soon = levels(heat, 0, 2000 + 100);
  const later = levels(heat, 0, 2000 + 60_000 * 10);
  assert.ok((soon[0] as number) > 0.05, 'a pull’s pause does not flicker');
  for (let k = 0; k < ALL; k++) assert.ok((later[k] as number) < 1e-4, `window ${k}: ${later[k]}`);
  assert.equal(later[ALL], 1);
});

test('counts found on arrival say nothing of when', () => {
  const heat = new Heat();
  heat.seed(0, 1000);
  heat.seed(1, 10);
  const found = levels(heat, 0, 50);
  assert.deepEqual(found.slice(0, ALL), new Array(ALL).fill(0));
  assert.equal(found[ALL], 1);
  assert.equal(heat.total, 1010);
});

test('the rate of a steady line is its rate', () => {
  const heat = new Heat();
  for (let t = 1; t <= 400; t++) heat.advance(0, t * 50, t * 50); // 1,000 a second
  assert.ok(Math.abs(heat.rate(0, 20000) - 1000) < 50, String(heat.rate(0, 20000)));
  assert.ok(Math.abs(heat.rateOfAll(20000) - 1000) < 50);
  assert.ok(heat.rate(0, 40000) < 1);
  assert.equal(heat.rate(7, 20000), 0);
});

test('hours without a hit do not spoil the weights', () => {
  const heat = new Heat();
  heat.advance(0, 5, 1000);
  heat.advance(1, 5, 1000 + 3_600_000 * 20);
  const late = levels(heat, 1, 1000 + 3_600_000 * 20);
  assert.ok(Math.abs((late[9] as number) - 1) < 1e-3, String(late[9]));
});

test('the ramps go from dark to light, one step a window', () => {
  for (const tone of ['light', 'dark'] as const) {
    const lightness = ramp(tone).map((colour) => Number(/([\d.]+)%\)$/.exec(colour)?.[1]));
    assert.equal(lightness.length, WINDOWS);
    for (let k = 1; k < WINDOWS; k++) assert.ok((lightness[k] as number) < (lightness[k - 1] as number), tone);
  }
});

test('a line table keeps exact counts, whatever the order and however often a line comes', () => {
  const triple = fc.tuple(fc.integer({ min: 1, max: 200_000 }), fc.nat(2 ** 40), fc.nat(1e6));
  fc.assert(
    fc.property(fc.array(fc.array(triple, { maxLength: 30 }), { minLength: 1, maxLength: 10 }), (frames) => {
      const table = new LineTable();
      const want = new Map<number, number>();
      frames.forEach((frame, i) => {
        table.apply(frame.flat(), i === 0, i * 50);
        for (const [line, hits] of frame) want.set(line, Math.max(hits, 0));
      });
      for (const [line, hits] of want) assert.equal(table.hitsOf(table.itemOf(line)), hits);
      assert.equal(table.lines.length, want.size);
      const sum = [...want.values()].reduce((a, b) => a + b, 0);
      assert.equal(table.heat.total, sum);
      const hottest = table.hottest(5).map((line) => want.get(line));
      assert.deepEqual(hottest, [...want.values()].filter((n) => n > 0).sort((a, b) => b - a).slice(0, 5));
    }),
  );
});

test('a line table tells lines never hit from lines that cannot be hit', () => {
  const table = new LineTable();
  const turned = (triples: number[], replaces: boolean, now: number): boolean => {
    const before = table.edition;
    table.apply(triples, replaces, now);
    return table.edition !== before;
  };
  assert.equal(turned([3, 0, 0], true, 0), true);
  assert.notEqual(table.itemOf(3), -1);
  assert.equal(table.itemOf(4), -1);
  assert.equal(table.hitLines, 0);
  assert.equal(turned([3, 2, 10], false, 50), true, 'its first hit');
  assert.equal(turned([3, 9, 11], false, 100), false);
  assert.equal(table.hitLines, 1);
  assert.equal(table.lastTickOf(table.itemOf(3)), 11);
});
