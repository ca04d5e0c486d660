// views/minimap.ts — the whole file's heat in one narrow picture right of the text, to see where it is hot and go there.
import type { EditorView } from '@codemirror/view';
import { ramp, type Tone } from '../colour';
import { el, setHidden } from '../dom';
import { WINDOWS } from '../heat';
import type { LineTable } from '../lines';

const WIDTH = 44;
const UPDATE_MS = 200;

export class Minimap {
  readonly root = el('div', { class: 'minimap', 'aria-hidden': 'true' });
  private readonly canvas = el('canvas');
  private readonly window = el('i');
  private readonly levels = new Float32Array(WINDOWS);
  private drawnAt = Number.NEGATIVE_INFINITY;
  private tone: Tone = 'dark';

  constructor(goTo: (share: number) => void) {
    this.root.append(this.canvas, this.window);
    const follow = (event: PointerEvent): void => {
      const box = this.root.getBoundingClientRect();
      goTo(Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)));
    };
    this.root.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      this.root.setPointerCapture(event.pointerId);
      follow(event);
    });
    this.root.addEventListener('pointermove', (event) => {
      if (this.root.hasPointerCapture(event.pointerId)) follow(event);
    });
  }

  restyle(tone: Tone): void {
    this.tone = tone;
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  draw(view: EditorView, table: LineTable | null, now: number, wall: number): void {
    const scroller = view.scrollDOM;
    const height = scroller.clientHeight;
    const whole = scroller.scrollHeight;
    setHidden(this.root, table === null || whole <= height + 1);
    if (this.root.hidden || table === null) return;
    this.window.style.top = `${((scroller.scrollTop / whole) * 100).toFixed(2)}%`;
    this.window.style.height = `${((height / whole) * 100).toFixed(2)}%`;
    if (wall - this.drawnAt < UPDATE_MS) return;
    this.drawnAt = wall;
    this.paint(view.state.doc.lines, height, table, now);
  }

  /** Where several lines share a row of pixels the hottest of them is seen. */
  private paint(lines: number, height: number, table: LineTable, now: number): void {
    const scale = window.devicePixelRatio;
    const width = Math.round(WIDTH * scale);
    const rows = Math.round(height * scale);
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== rows) this.canvas.height = rows;
    const pen = this.canvas.getContext('2d');
    if (pen === null) return;
    pen.clearRect(0, 0, width, rows);
    const hottest = new Map<number, number>(); // row of pixels → item
    for (let item = 0; item < table.lines.length; item++) {
      const hits = table.hitsOf(item);
      if (hits === 0) continue;
      const row = Math.floor(((table.lineOf(item) - 1) / lines) * rows);
      const best = hottest.get(row);
      if (best === undefined || table.hitsOf(best) < hits) hottest.set(row, item);
    }
    const thickness = Math.max(1, Math.min(3 * scale, (rows / lines) * 0.7));
    const colours = ramp(this.tone);
    table.heat.look(now);
    for (const [row, item] of hottest) {
      table.heat.levels(item, this.levels, 0);
      for (let k = WINDOWS - 1; k >= 0; k--) {
        // The square root lets a file's many lukewarm lines be seen beside its hottest one.
        const length = Math.sqrt(this.levels[k] as number) * width;
        pen.fillStyle = colours[k] as string;
        if (length >= 1 || k === WINDOWS - 1) pen.fillRect(0, row, Math.max(scale * 2, length), thickness);
      }
    }
  }
}
