// views/curve.ts — the last half minute's hits a second as a small line; what it says stands beside it in words.
import { curve } from '../pulses';

const SVG = 'http://www.w3.org/2000/svg';
const MARGIN = 1.5; // of the box, so that the line's width stays inside

export class Curve {
  readonly root = document.createElementNS(SVG, 'svg');
  private readonly line = document.createElementNS(SVG, 'polyline');

  constructor(
    private readonly width: number,
    private readonly height: number,
  ) {
    const box = [-MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN].join(' ');
    for (const [name, value] of [['viewBox', box], ['width', width], ['height', height], ['class', 'curve'], ['aria-hidden', 'true']] as const)
      this.root.setAttribute(name, String(value));
    this.root.append(this.line);
  }

  draw(rates: readonly number[]): void {
    this.line.setAttribute('points', rates.length < 2 ? '' : curve(rates, this.width, this.height));
  }
}
