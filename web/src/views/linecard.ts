// views/linecard.ts — all that is known of one line, beside it: for the line that is pointed at, or chosen and asked for.
import { el, setClass, setHidden, setText } from '../dom';
import { duration, exact, percent, perSecond } from '../format';
import type { LineTable } from '../lines';
import { Curve } from './curve';

const WIDTH = 216; // of the curve
const HEIGHT = 36;
const REST_MS = 450; // over the text a card would be in the way of who only passes
const UPDATE_MS = 200;
const JUST_NOW_MS = 250;

/** What a card says of a line. */
export interface LineFigures {
  readonly line: number;
  readonly table: LineTable;
  readonly now: number; // the picture's clock
  readonly tick: number; // the program's
  readonly share: number; // of the stack samples, 0 to 1
  readonly samples: number;
  readonly minute: readonly number[]; // hits a second over the last minute, oldest first
}

export class LineCard {
  readonly root = el('div', { class: 'line-card', role: 'status', hidden: '' });
  private readonly title = el('b');
  private readonly hits = el('span', { class: 'hits' });
  private readonly rate = el('dd');
  private readonly share = el('dd');
  private readonly last = el('dd');
  private readonly time = el('dd');
  private readonly curve = new Curve(WIDTH, HEIGHT);
  private readonly facts = el('dl');
  private shown = 0;
  private at = Number.NEGATIVE_INFINITY;

  constructor() {
    const row = (name: string, value: HTMLElement): HTMLElement[] => [el('dt', {}, name), value];
    this.facts.append(
      ...row('Hits/s', this.rate),
      ...row('Share of file', this.share),
      ...row('Last hit', this.last),
      ...row('Time', this.time),
    );
    this.root.append(el('div', { class: 'line-card-head' }, this.title, this.hits), this.facts, this.curve.root, el('p', { class: 'small' }, 'hits a second, last minute'));
  }

  hide(): void {
    setHidden(this.root, true);
    this.shown = 0;
  }

  /** `figures` are asked for only when they are drawn; `line` is theirs. `place` sets where the card stands. */
  show(line: number, wall: number, figures: () => LineFigures, place: (card: HTMLElement) => void): void {
    if (line === this.shown && wall - this.at < UPDATE_MS) return;
    this.at = wall;
    this.shown = line;
    this.fill(figures());
    setHidden(this.root, false);
    place(this.root);
  }

  private fill({ line, table, now, tick, share, samples, minute }: LineFigures): void {
    const item = table.itemOf(line);
    const hits = table.hitsOf(item);
    setText(this.title, `Line ${line}`);
    setText(this.hits, hits === 0 ? 'can be hit, never was' : `${exact(hits)} ${hits === 1 ? 'hit' : 'hits'}`);
    setClass(this.root, 'unhit', hits === 0);
    if (hits === 0) return;
    setText(this.rate, perSecond(table.heat.rate(item, now)).replace('/s', ''));
    setText(this.share, percent(hits / table.heat.total));
    const ago = tick - table.lastTickOf(item);
    setText(this.last, ago < JUST_NOW_MS ? 'just now' : `${duration(ago)} ago`);
    setText(this.time, samples === 0 ? 'no samples yet' : `about ${percent(share)} (${exact(samples)} samples)`);
    this.curve.draw(minute);
  }
}

/** Which line the reader wants to know of: at once beside the text, after a rest over it. */
export class Pointing {
  line: number | null = null;
  private since = 0;

  /** null: nothing is pointed at. */
  point(line: number | null, beside: boolean, wall: number): number | null {
    if (line !== this.line) {
      this.line = line;
      this.since = wall;
    }
    return line !== null && (beside || wall - this.since > REST_MS) ? line : null;
  }
}
