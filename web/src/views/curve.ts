// views/curve.ts — the last half minute's hits a second as a small line; what it says stands beside it in words.
import { curve } from '../pulses';

const SVG = 'http://www.w3.org/2000/svg';
const MARGIN = 1.5; // of the box, so that the line's width stays inside

export class Curve {
  readonly root = document.createElementNS(SVG, 'svg');
  private readonly area = document.createElementNS(SVG, 'polygon');
  private readonly line = document.createElementNS(SVG, 'polyline');

  constructor(
    private readonly width: number,
    private readonly height: number,
  ) {
    const box = [-MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN].join(' ');
    for (const [name, value] of [['viewBox', box], ['width', width], ['height', height], ['class', 'curve'], ['aria-hidden', 'true']] as const)
      this.root.setAttribute(name, String(value));
    this.root.append(this.area, this.line);
  }

  draw(rates: readonly number[]): void {
    const points = rates.length < 2 ? '' : curve(rates, this.width, this.height);
    const left = points.slice(0, points.indexOf(','));
    this.line.setAttribute('points', points);
    this.area.setAttribute('points', points === '' ? '' : `${left},${this.height} ${points} ${this.width},${this.height}`);
  }
}
