// views/strip.ts — the instrument left of the text: line number, exact hits and heat of every line, on one canvas.
//
// The canvas lies inside the editor's scroller, so that it scrolls with the text on the compositor, and covers more
// than is visible; each animation frame redraws the rows whose picture is another than before, and nothing else.
// It draws what it is given (LineTable, heat) and keeps nothing but what is on it.
import type { Text } from '@codemirror/state';
import { BlockType, type EditorView } from '@codemirror/view';
import { ramp, type Tone } from '../colour';
import { el } from '../dom';
import { exact, fitted } from '../format';
import { WINDOWS } from '../heat';
import type { LineTable } from '../lines';

const OVERSCAN = 320; // pixels above and below what is visible
const EASE_MS = 70; // bars come to their length with this time constant
const SLIVER = 2; // pixels that a line hit at least once never goes below
const MARKS = 3; // colours of threads shown at a line

/** What the strip shows at a moment. */
export interface StripScene {
  readonly table: LineTable | null;
  readonly now: number; // the picture's clock
  readonly tick: number; // the program's clock
  readonly running: ReadonlyMap<number, readonly number[]>; // line → colours of threads that run there
  readonly target: number | null; // the line that the URL names
  readonly timeOf: ((line: number) => number) | null; // share of time samples, 0 to 1; null: without this column
  readonly still: boolean; // no easing: the reader asked for less motion
}

/** Colours and fonts, as the style sheet has them. */
interface Look {
  readonly ramp: readonly string[];
  readonly number: string;
  readonly numberHit: string;
  readonly count: string;
  readonly zero: string;
  readonly track: string;
  readonly target: string;
  readonly hover: string;
  readonly threads: readonly string[];
  readonly font: string;
}

interface Metrics {
  readonly numberEnd: number; // right edge of the line number
  readonly countEnd: number;
  readonly countChars: number;
  readonly timeEnd: number | null;
  readonly barStart: number;
  readonly barWidth: number;
  readonly width: number;
}

/** What a row shows. */
class Row {
  constructor(
    readonly line: number,
    readonly y: number,
  ) {}
  readonly widths = new Int16Array(WINDOWS);
  hits = -2; // -1 cannot be hit
  time = 0; // share of time in thousandths
  look = -1; // recency, marks and highlights in one number
}

export class Strip {
  readonly dom: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly pen: CanvasRenderingContext2D;
  private tone: Tone = 'dark';
  private look: Look | null = null; // null: to be read when it is drawn next
  private metrics: Metrics | null = null;
  private readonly rows = new Map<number, Row>(); // by line: what is on the canvas
  private text: Text | null = null;
  private top = 0; // of the canvas, in the scroller's content
  private height = 0;
  private contentHeight = 0;
  private scale = 0; // device pixels a pixel
  private table: LineTable | null = null;
  private shown = new Float32Array(0); // item × WINDOWS: lengths on the canvas, easing towards levels
  private shownAt = new Float64Array(0); // when an item was drawn last
  private drawnAt = 0;
  private readonly levels = new Float32Array(WINDOWS);
  private hovered: number | null = null;

  constructor() {
    this.canvas = el('canvas', { class: 'strip-canvas', 'aria-hidden': 'true' });
    this.dom = el('div', { class: 'strip' }, this.canvas);
    const pen = this.canvas.getContext('2d', { alpha: true });
    if (pen === null) throw new Error('this browser has no 2D canvas');
    this.pen = pen;
  }

  /** Colours or fonts of the style sheet have changed. */
  restyle(tone: Tone): void {
    this.tone = tone;
    this.look = null;
  }

  private readLook(): Look {
    const style = getComputedStyle(this.dom);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    return {
      ramp: ramp(this.tone),
      number: colour('--strip-number'),
      numberHit: colour('--strip-number-hit'),
      count: colour('--strip-count'),
      zero: colour('--strip-zero'),
      track: colour('--strip-track'),
      target: colour('--strip-target'),
      hover: colour('--strip-hover'),
      threads: Array.from({ length: 8 }, (_, i) => colour(`--thread-${i}`)),
      font: `${colour('--code-size')} ${colour('--mono')}`,
    };
  }

  hover(line: number | null): void {
    this.hovered = line;
  }

  /** The line at a height in the window, null below the last. */
  lineAt(view: EditorView, clientY: number): number | null {
    const block = view.lineBlockAtHeight(clientY - view.documentTop);
    return clientY > view.documentTop + block.bottom ? null : view.state.doc.lineAt(block.from).number;
  }

  draw(view: EditorView, scene: StripScene): void {
    if (this.look === null) {
      this.look = this.readLook();
      this.forget();
    }
    if (scene.table !== this.table || view.state.doc !== this.text) {
      if (scene.table !== this.table) {
        this.shown = new Float32Array(0);
        this.shownAt = new Float64Array(0);
      }
      this.table = scene.table;
      this.text = view.state.doc;
      this.forget();
    }
    this.fit(view, scene);
    this.cover(view);
    if (scene.table !== null) {
      this.reserve(scene.table.lines.length);
      scene.table.heat.look(scene.now);
    }
    const wall = performance.now();
    const ease = scene.still ? 1 : 1 - Math.exp(-(wall - this.drawnAt) / EASE_MS);
    this.drawnAt = wall;
    if (!this.drawRows(view, scene, ease)) {
      this.forget();
      this.drawRows(view, scene, ease);
    }
  }

  /** False when a line has moved to another place since it was drawn: lines were folded or unfolded above it. */
  private drawRows(view: EditorView, scene: StripScene, ease: number): boolean {
    const padding = view.documentPadding.top;
    for (const block of view.viewportLineBlocks) {
      if (block.type === BlockType.WidgetRange) continue; // lines that are folded away
      const y = block.top + padding - this.top;
      if (y + block.height <= 0 || y >= this.height) continue;
      const line = view.state.doc.lineAt(block.from).number;
      let row = this.rows.get(line);
      if (row === undefined) this.rows.set(line, (row = new Row(line, y)));
      if (row.y !== y) return false;
      this.drawRow(row, view.defaultLineHeight, scene, ease);
    }
    return true;
  }

  private drawRow(row: Row, height: number, scene: StripScene, ease: number): void {
    const { line } = row;
    const table = scene.table;
    const item = table === null ? -1 : table.itemOf(line);
    const hits = table === null || item === -1 ? -1 : table.hitsOf(item);
    const marks = scene.running.get(line) ?? [];
    const recency = hits > 0 && table !== null ? recencyStep(scene.tick - table.lastTickOf(item)) : 0;
    let look = recency | (line === scene.target ? 16 : 0) | (line === this.hovered ? 32 : 0);
    for (let i = 0; i < MARKS; i++) look |= ((marks[i] ?? -1) + 1) << (6 + i * 4);
    const time = Math.round((scene.timeOf?.(line) ?? 0) * 1000);
    let same = row.hits === hits && row.look === look && row.time === time;
    if (hits > 0 && table !== null) same = this.easeBars(row, table, item, ease) && same;
    if (same) return;
    row.hits = hits;
    row.look = look;
    row.time = time;
    this.paint(row, height, recency, marks);
  }

  /** Moves an item's bars towards their lengths; false when a bar is another on the screen. */
  private easeBars(row: Row, table: LineTable, item: number, ease: number): boolean {
    const { barWidth } = this.metrics as Metrics;
    table.heat.levels(item, this.levels, 0);
    // Not on the screen a moment ago: nothing to ease from.
    const step = this.drawnAt - (this.shownAt[item] as number) > 250 ? 1 : ease;
    this.shownAt[item] = this.drawnAt;
    let same = true;
    for (let k = 0; k < WINDOWS; k++) {
      const cell = item * WINDOWS + k;
      const was = this.shown[cell] as number;
      const is = was + ((this.levels[k] as number) - was) * step;
      this.shown[cell] = is;
      const width = Math.round(is * barWidth * 2); // half pixels
      if (row.widths[k] !== width) {
        row.widths[k] = width;
        same = false;
      }
    }
    return same;
  }

  private paint(row: Row, height: number, recency: number, marks: readonly number[]): void {
    const { y } = row;
    const look = this.look as Look;
    const m = this.metrics as Metrics;
    const pen = this.pen;
    pen.clearRect(0, y, m.width, height);
    if ((row.look & 48) !== 0) {
      pen.fillStyle = (row.look & 16) !== 0 ? look.target : look.hover;
      pen.fillRect(0, y, m.width, height);
    }
    const base = y + height / 2 + 0.5;
    pen.fillStyle = row.hits > 0 ? look.numberHit : look.number;
    pen.fillText(String(row.line), m.numberEnd, base);
    if (row.hits >= 0) {
      pen.fillStyle = row.hits > 0 ? look.count : look.zero;
      pen.fillText(fitted(row.hits, m.countChars), m.countEnd, base);
    }
    if (m.timeEnd !== null && row.time > 0) {
      pen.fillStyle = look.numberHit;
      pen.fillText(row.time < 10 ? '<1%' : `${Math.round(row.time / 10)}%`, m.timeEnd, base);
    }
    if (row.hits === 0) {
      pen.strokeStyle = look.zero;
      pen.strokeRect(m.barStart + 0.5, y + height / 2 - 1.5, 3, 3);
    } else if (row.hits > 0) {
      const barY = y + 2;
      const barHeight = height - 4;
      for (let k = WINDOWS - 1; k >= 0; k--) {
        const width = (row.widths[k] as number) / 2;
        if (width < 0.5) continue;
        pen.fillStyle = look.ramp[k] as string;
        pen.fillRect(m.barStart, barY, width, barHeight);
      }
      pen.fillStyle = look.ramp[WINDOWS - 1 - recency] as string;
      pen.fillRect(m.barStart, barY, SLIVER, barHeight);
    }
    for (let i = 0; i < Math.min(marks.length, MARKS); i++) {
      pen.fillStyle = look.threads[(marks[i] as number) % look.threads.length] as string;
      const x = m.width - 1 - i * 5;
      pen.beginPath();
      pen.moveTo(x - 7, y + height / 2 - 5);
      pen.lineTo(x, y + height / 2);
      pen.lineTo(x - 7, y + height / 2 + 5);
      pen.fill();
    }
  }

  /** Sizes the columns: the widest count decides, within what the window has room for. */
  private fit(view: EditorView, scene: StripScene): void {
    const narrow = view.dom.clientWidth < 640;
    const digits = Math.max(3, String(view.state.doc.lines).length);
    const widest = scene.table === null ? 0 : exact(scene.table.heat.peak).length;
    const countChars = narrow ? 5 : Math.min(15, Math.max(6, widest));
    const char = view.defaultCharacterWidth;
    const numberEnd = Math.round(10 + digits * char);
    const countEnd = Math.round(numberEnd + (narrow ? 6 : 14) + countChars * char);
    const timeEnd = scene.timeOf === null ? null : Math.round(countEnd + 5 * char);
    const barStart = (timeEnd ?? countEnd) + (narrow ? 6 : 10);
    const barWidth = narrow ? 44 : 132;
    const width = barStart + barWidth + 14;
    if (this.metrics?.width === width && this.metrics.countChars === countChars && this.metrics.numberEnd === numberEnd)
      return;
    this.metrics = { numberEnd, countEnd, countChars, timeEnd, barStart, barWidth, width };
    this.dom.style.width = `${width}px`;
    this.height = 0;
  }

  /** Makes the strip as high as the text, and lays the canvas over what is visible, if it does not cover it yet. */
  private cover(view: EditorView): void {
    const scroller = view.scrollDOM;
    if (view.contentHeight !== this.contentHeight) {
      this.contentHeight = view.contentHeight;
      this.dom.style.minHeight = `${this.contentHeight}px`;
    }
    const height = scroller.clientHeight + 2 * OVERSCAN;
    const scale = window.devicePixelRatio;
    const first = scroller.scrollTop;
    const resized = height !== this.height || scale !== this.scale;
    if (!resized && first >= this.top && first + scroller.clientHeight <= this.top + this.height) return;
    const { width } = this.metrics as Metrics;
    this.top = Math.max(0, Math.floor(first - OVERSCAN));
    this.canvas.style.top = `${this.top}px`;
    if (resized) {
      this.height = height;
      this.scale = scale;
      this.canvas.width = Math.ceil(width * scale);
      this.canvas.height = Math.ceil(height * scale);
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    this.forget();
  }

  private forget(): void {
    this.rows.clear();
    const pen = this.pen;
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    pen.lineWidth = 1;
    if (this.look !== null) pen.font = this.look.font;
  }

  private reserve(items: number): void {
    if (this.shownAt.length >= items) return;
    const capacity = Math.max(items, this.shownAt.length * 2, 64);
    const shown = new Float32Array(capacity * WINDOWS);
    shown.set(this.shown);
    this.shown = shown;
    const shownAt = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
    shownAt.set(this.shownAt);
    this.shownAt = shownAt;
  }
}

/** How recent a line's last hit is, 0 (long ago) to 10 (just now), by the windows' lengths: 0.1 s, 0.2 s … 51 s. */
function recencyStep(ageTicks: number): number {
  const age = Math.max(100, ageTicks);
  return Math.max(0, WINDOWS - 1 - Math.ceil(Math.log2(age / 100)));
}
