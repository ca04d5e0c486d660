// colours.test.ts — the colours of the first four threads are told apart with each of the three common colour-blindnesses.
// Simulated as in Machado, Oliveira, Fernandes: "A physiologically-based model for simulation of color vision deficiency"
// (2009), severity 1; distances in CIELAB.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

type Triple = readonly [number, number, number];

const BLINDNESSES: Readonly<Record<string, readonly [Triple, Triple, Triple]>> = {
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
const APART = 12; // about 2 is the least that a person sees side by side

function linear(hex: string): Triple {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return [r, g, b];
}

const product = (row: Triple, v: Triple): number => row[0] * v[0] + row[1] * v[1] + row[2] * v[2];

function lab(rgb: Triple): Triple {
  const f = (v: number): number => (v > 0.008856 ? Math.cbrt(v) : 7.787 * v + 16 / 116);
  const x = f(product([0.4124, 0.3576, 0.1805], rgb) / 0.9505);
  const y = f(product([0.2126, 0.7152, 0.0722], rgb));
  const z = f(product([0.0193, 0.1192, 0.9505], rgb) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

test('the first four threads have colours that no colour blindness makes one', () => {
  const css = readFileSync(join(process.cwd(), 'src/style/base.css'), 'utf8');
  const colours = [...css.matchAll(/--thread-[0-7]: (#[0-9a-f]{6})/g)].map((match) => match[1] as string);
  assert.equal(colours.length, 16, 'eight for light, eight for dark');
  for (const four of [colours.slice(0, 4), colours.slice(8, 12)])
    for (const [name, rows] of Object.entries(BLINDNESSES)) {
      const seen = four.map(linear).map((rgb) => lab(rows.map((row) => Math.min(1, Math.max(0, product(row, rgb)))) as unknown as Triple));
      seen.forEach((one, i) =>
        seen.slice(0, i).forEach((other, j) => {
          const apart = Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2]);
          assert.ok(apart >= APART, `${name}: ${four[i]} and ${four[j]} are ${apart.toFixed(1)} apart`);
        }),
      );
    }
});
