// views/timestrip.ts — the last minutes, or a recording, as one strip: hits a second by file, where the reader is, the
// span that counts, marks. A click or tap goes to a moment, a drag chooses a span; the slider below does the first by keys.
import type uPlot from 'uplot';
import { el, setChildren, setHidden, setText } from '../dom';
import { perSecond } from '../format';
import type { History } from '../history';
import { baseName } from '../paths';
import { type Rates, ratesBetween, stackedRows } from '../rates';
import { clockTime, type Timeline } from '../timeline';
import type { FileEntry } from '../wire';
import type { Charts } from './charts';

const FILES = 5; // with a colour of their own
const SHORTEST_MS = 60_000; // that a strip of a running program shows
const UPDATE_MS = 250;
const DRAG_PIXELS = 4;

export interface StripScene {
  readonly history: History;
  readonly timeline: Timeline;
  readonly files: readonly FileEntry[];
  readonly recorded: boolean; // all of it, from the beginning to the end
  readonly at: number; // tick of the moment shown
  readonly wall: number;
}

export interface StripActions {
  seek(tick: number): void;
  select(from: number, until: number | null): void;
  step(forward: boolean): void;
}

export class TimeStrip {
  readonly root: HTMLElement;
  private readonly legend = el('span', { class: 'time-legend' });
  private readonly holder = el('div', { class: 'time-plot', 'aria-hidden': 'true' });
  private readonly head = el('i', { class: 'time-head' });
  private readonly span = el('i', { class: 'time-span' });
  private readonly dragged = el('i', { class: 'time-drag', hidden: '' });
  private readonly flags = el('span', { class: 'time-flags' });
  private readonly peak = el('span', { class: 'time-peak' });
  private readonly slider: HTMLInputElement;
  private charts: Charts | null = null; // not loaded yet
  private plot: uPlot | null = null;
  private begin = 0; // of what is remembered
  private from = 0; // the stretch shown
  private to = 1;
  private rates: Rates | null = null;
  private files: readonly FileEntry[] = [];
  private pointed: number | null = null; // column under the pointer
  private drawnAt = Number.NEGATIVE_INFINITY;
  private pressedAt: number | null = null; // x in the window
  private edition = -1; // of the timeline, when it was drawn
  private at = 0; // the moment drawn
  private marks = '';

  constructor(private readonly actions: StripActions) {
    this.slider = el('input', { type: 'range', class: 'time-slider', step: 'any', 'aria-label': 'Moment shown' });
    this.slider.addEventListener('input', () => this.seek(this.slider.valueAsNumber));
    this.slider.addEventListener('keydown', (event) => {
      const forward = event.key === 'ArrowRight' || event.key === 'ArrowUp';
      if (!forward && event.key !== 'ArrowLeft' && event.key !== 'ArrowDown') return;
      event.preventDefault();
      actions.step(forward);
    });
    this.holder.append(this.span, this.dragged, this.head, this.flags, this.legend, this.peak);
    this.root = el('div', { class: 'time-strip' }, this.holder, this.slider);
    new ResizeObserver(() => this.resize()).observe(this.holder);
  }

  /** Colours of the style sheet have changed. */
  restyle(): void {
    this.letGo();
    this.plot?.destroy();
    this.plot = null;
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  use(charts: Charts): void {
    this.charts = charts;
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  draw(scene: StripScene): void {
    const { timeline, wall } = scene;
    this.files = scene.files;
    const outside = !timeline.live && (scene.at > this.to || scene.at < this.from);
    const grown = scene.recorded && scene.history.end > this.to; // a recording that loads
    const due = this.pressedAt === null && (outside || grown || wall - this.drawnAt > UPDATE_MS); // a drag is of what stands still
    if (due) {
      this.drawnAt = wall;
      this.fit(scene);
      this.paint(scene);
    }
    // While live the moment shown moves with the stretch, not within it.
    const moved = timeline.edition !== this.edition || (!timeline.live && scene.at !== this.at);
    if (due || moved) this.place(scene);
  }

  private place({ timeline, at }: StripScene): void {
    const { place, live } = timeline;
    this.edition = timeline.edition;
    this.at = at;
    this.put(this.head, at, at);
    setHidden(this.head, live);
    setHidden(this.span, place.from === null);
    if (place.from !== null) this.put(this.span, place.from, place.until ?? Math.max(at, this.to));
    if (!this.slider.matches(':active')) this.slider.value = String(at);
    this.slider.setAttribute('aria-valuetext', live ? 'now' : clockTime(at));
    this.drawFlags(place.marks);
  }

  /** Chooses the stretch: what is remembered; of a running program at least a minute, which stands still when it is
   * paused, as long as the moment shown is in it. */
  private fit({ history, timeline, recorded, at }: StripScene): void {
    const stays = !timeline.live && at >= this.from && at <= this.to && (timeline.place.until ?? at) <= this.to;
    if (!stays || this.rates === null || recorded) {
      this.to = Math.max(history.end, history.start + 1);
      this.from = recorded ? history.start : Math.min(history.start, this.to - SHORTEST_MS);
    }
    this.begin = history.start;
    this.slider.min = String(this.from);
    this.slider.max = String(this.to);
  }

  private paint(scene: StripScene): void {
    const width = this.holder.clientWidth;
    const height = this.holder.clientHeight;
    if (width === 0 || height === 0 || this.charts === null) return;
    const rates = ratesBetween(scene.history, this.from, this.to, Math.max(30, Math.min(600, width >> 1)), FILES);
    this.rates = rates;
    const plot = (this.plot ??= this.makePlot(this.charts, width, height));
    plot.setData([rates.at, ...stackedRows(rates, FILES)], false);
    plot.batch(() => {
      plot.setScale('x', { min: this.from, max: this.to });
      plot.setScale('y', { min: 0, max: Math.max(1, ...(plot.data[1] as number[])) * 1.08 });
    });
    setText(this.peak, `up to ${perSecond(Math.max(0, ...(plot.data[1] as number[])))}`);
    this.showLegend();
  }

  private makePlot({ uPlot: Plot }: Charts, width: number, height: number): uPlot {
    // The whole stack is drawn first and each file's part over it, from the top down.
    const style = getComputedStyle(this.holder);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const series = Array.from({ length: FILES + 1 }, (_, i) => ({ fill: colour(`--file-${FILES - i}`), width: 0, points: { show: false } }));
    const plot = new Plot(
      {
        width,
        height,
        padding: [2, 0, 0, 0],
        legend: { show: false },
        scales: { x: { time: false }, y: { auto: false } },
        axes: [
          {
            size: 15,
            space: 90,
            gap: 1,
            font: '10px system-ui, sans-serif',
            stroke: colour('--muted'),
            grid: { show: false },
            ticks: { show: false },
            incrs: [100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000],
            values: (_, ticks) => ticks.map((tick) => (tick < 0 ? '' : clockTime(tick).replace(/[.]0+$/, ''))),
          },
          { show: false },
        ],
        cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
        series: [{}, ...series],
        hooks: {
          setCursor: [(u) => {
            this.pointed = u.cursor.idx ?? null;
            this.showLegend();
          }],
        },
      },
      [[], ...series.map(() => [])],
    );
    this.holder.prepend(plot.root);
    plot.over.addEventListener('pointerdown', (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      this.pressedAt = event.clientX;
      plot.over.setPointerCapture(event.pointerId);
    });
    plot.over.addEventListener('pointermove', (event) => this.drag(event));
    plot.over.addEventListener('pointerup', (event) => this.release(event));
    plot.over.addEventListener('pointercancel', () => this.letGo());
    return plot;
  }

  /** The ticks between where the pointer was pressed and where it is; one and the same while that is no drag. */
  private stretchOf({ clientX }: PointerEvent, pressedAt: number): [from: number, until: number] {
    const box = this.holder.getBoundingClientRect();
    const tick = (x: number): number => this.from + Math.min(1, Math.max(0, (x - box.left) / box.width)) * (this.to - this.from);
    const from = tick(pressedAt);
    const until = Math.abs(clientX - pressedAt) < DRAG_PIXELS ? from : tick(clientX);
    return from < until ? [from, until] : [until, from];
  }

  private drag(event: PointerEvent): void {
    if (this.pressedAt === null || !event.isPrimary) return;
    const [from, until] = this.stretchOf(event, this.pressedAt);
    setHidden(this.dragged, from === until);
    this.put(this.dragged, from, until);
  }

  private release(event: PointerEvent): void {
    if (this.pressedAt === null || !event.isPrimary) return;
    const [from, until] = this.stretchOf(event, this.pressedAt);
    this.letGo();
    if (from === until) this.seek(from);
    else this.actions.select(Math.max(this.begin, from), until);
  }

  private letGo(): void {
    this.pressedAt = null;
    setHidden(this.dragged, true);
  }

  private seek(tick: number): void {
    this.actions.seek(Math.max(this.begin, tick));
  }

  private resize(): void {
    this.plot?.setSize({ width: this.holder.clientWidth, height: this.holder.clientHeight });
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  /** Which colour is which file; where the pointer is, how many hits a second each had there. */
  private showLegend(): void {
    const { rates, pointed } = this;
    if (rates === null) return;
    const names = [...rates.files.map((file) => baseName(this.files[file]?.path ?? '?')), 'others'];
    const parts = names.flatMap((name, i) => {
      const row = rates.rows[i] as Float64Array;
      if (i === rates.files.length && row.every((n) => n === 0)) return [];
      const rate = pointed === null ? '' : ` ${perSecond(row[pointed] ?? 0)}`;
      return [el('span', {}, el('i', { class: `file-${i === rates.files.length ? FILES : i}` }), `${name}${rate}`)];
    });
    const time = pointed === null ? [] : [el('b', {}, clockTime(rates.at[pointed] ?? 0))];
    this.legend.replaceChildren(...time, ...parts);
  }

  private drawFlags(marks: readonly number[]): void {
    const key = marks.join();
    if (key !== this.marks) {
      this.marks = key;
      setChildren(this.flags, marks.map((mark, i) => {
        const flag = el('button', { type: 'button', tabindex: '-1', title: `Mark ${i + 1}, ${clockTime(mark)}: hits since` }, String(i + 1));
        flag.addEventListener('click', () => this.actions.select(mark, null));
        return flag;
      }));
    }
    marks.forEach((mark, i) => this.put(this.flags.children[i] as HTMLElement, mark, mark));
  }

  private put(element: HTMLElement, from: number, to: number): void {
    const share = (tick: number): number => Math.min(1, Math.max(0, (tick - this.from) / (this.to - this.from)));
    element.style.left = `${(share(from) * 100).toFixed(3)}%`;
    if (to > from) element.style.width = `${((share(to) - share(from)) * 100).toFixed(3)}%`;
  }
}
