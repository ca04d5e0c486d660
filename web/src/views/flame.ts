// views/flame.ts — the flame graph of the stacks seen in the span, in the place of the live stacks; and the same as a
// table for who cannot see it.
import { el, setChildren, setHidden, setText } from '../dom';
import { type FlameNode, flameOf, hottestFunctions } from '../flame';
import { exact, percent } from '../format';
import type { Sample } from '../history';
import { baseName, fileAndLine } from '../paths';
import { formatRoute } from '../route';
import type { ProgramModel } from '../store';
import type { Charts } from './charts';

const UPDATE_MS = 2000; // while the program runs: a picture that moves cannot be read
const CELL = 18;
const NARROWEST = 1; // pixels
const TABLE_ROWS = 20;

export class FlameView {
  readonly root: HTMLElement;
  private readonly words = el('b');
  private readonly detail = el('span', { class: 'detail' });
  private readonly open = el('a', { class: 'word', hidden: '' });
  private readonly waits: HTMLButtonElement;
  private readonly chart = el('div', { class: 'flame-chart', 'aria-hidden': 'true' });
  private readonly empty = el('p', { class: 'flame-empty' });
  private readonly table = el('table');
  private charts: Charts | null = null; // not loaded yet
  private sleeping = false;
  private zoomed = false;
  private drawn = '';
  private drawnAt = Number.NEGATIVE_INFINITY;
  private model: ProgramModel | null = null;

  constructor() {
    this.waits = el('button', { type: 'button', class: 'word', 'aria-pressed': 'false', title: 'Count threads that wait as well' }, 'with waiting');
    this.waits.addEventListener('click', () => {
      this.sleeping = !this.sleeping;
      this.waits.setAttribute('aria-pressed', String(this.sleeping));
      this.drawn = '';
    });
    const head = el('h2', { class: 'flame-head' }, this.words, this.waits, this.open, this.detail);
    this.root = el(
      'section',
      { class: 'flame', 'aria-label': 'Flame graph', hidden: '' },
      head,
      this.empty,
      this.chart,
      el('div', { class: 'visually-hidden' }, this.table),
    );
    new ResizeObserver(() => (this.drawn = '')).observe(this.root);
  }

  use(charts: Charts): void {
    this.charts = charts;
  }

  /** `key` names the span: another one is drawn at once, one that grows now and then. */
  draw(model: ProgramModel, key: string, grows: boolean, samples: () => readonly Sample[], wall: number): void {
    const { charts } = this;
    if (this.root.hidden || charts === null) return;
    this.model = model;
    const width = this.chart.clientWidth - 24;
    const due = key !== this.drawn || (grows && !this.zoomed && wall - this.drawnAt > UPDATE_MS);
    if (!due || width <= 0) return;
    this.drawn = key;
    this.drawnAt = wall;
    this.zoomed = false;
    const root = flameOf(samples(), model.files, this.sleeping);
    const looks = `${exact(root.value)} ${root.value === 1 ? 'sample' : 'samples'}`;
    setText(this.words, `Flame graph · ${looks}`);
    setHidden(this.empty, root.value > 0);
    setHidden(this.chart, root.value === 0);
    setText(this.empty, this.sleeping ? 'No stack was seen in this span.' : 'No thread was seen running in this span. Threads that wait can be counted as well.');
    setHidden(this.open, true);
    setText(this.detail, 'Width: how often a function was seen on a stack. A click zooms.');
    this.paint(charts, root, width);
    this.fillTable(root);
  }

  private paint({ flamegraph, select }: Charts, root: FlameNode, width: number): void {
    const chart = flamegraph<FlameNode>()
      .width(width)
      .cellHeight(CELL)
      .minFrameSize(NARROWEST)
      .transitionDuration(0)
      .inverted(true)
      .setColorMapper(({ data }) => colourOf(data))
      .setLabelHandler(({ data, value }) => this.label(data, value, root.value))
      .setDetailsHandler((text) => {
        if (text !== null) setText(this.detail, text);
      })
      .onClick(({ data }) => this.clicked(data, root));
    this.chart.replaceChildren();
    if (root.value > 0) select(this.chart).datum(root).call(chart);
  }

  private label(node: FlameNode, value: number, all: number): string {
    const path = this.model?.files[node.file]?.path;
    const where = path === undefined ? '' : `  ${fileAndLine(baseName(path), node.line)}`;
    return `${node.name}${where}  ·  ${percent(value / all)}, ${exact(value)} ${value === 1 ? 'sample' : 'samples'}`;
  }

  private clicked(node: FlameNode, root: FlameNode): void {
    this.zoomed = node !== root;
    const path = this.model?.files[node.file]?.path;
    setHidden(this.open, path === undefined);
    if (path === undefined || this.model === null) return;
    this.open.setAttribute('href', formatRoute(this.model.placeOf(node.file, node.line, null)));
    setText(this.open, `Open ${fileAndLine(baseName(path), node.line)}`);
  }

  private fillTable(root: FlameNode): void {
    const head = el('tr', {}, ...['Function', 'File', 'On top', 'On the stack'].map((title) => el('th', { scope: 'col' }, title)));
    const rows = hottestFunctions(root, TABLE_ROWS).map(({ node, self, total }) => {
      const path = this.model?.files[node.file]?.path ?? '';
      const cells = [baseName(path), percent(self / root.value), percent(total / root.value)];
      return el('tr', {}, el('th', { scope: 'row' }, node.name), ...cells.map((cell) => el('td', {}, cell)));
    });
    const caption = el('caption', {}, `Functions by share of ${exact(root.value)} samples`);
    setChildren(this.table, [caption, el('thead', {}, head), el('tbody', {}, ...rows)]);
  }
}

/** Warm where the program is traced, grey where it is not: text on it is dark in both themes. */
function colourOf({ name, traced, file }: FlameNode): string {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) % 1009;
  if (file === -1) return 'hsl(215 12% 80%)';
  return traced ? `hsl(${18 + (hash % 30)} 88% ${62 + (hash % 11)}%)` : `hsl(${205 + (hash % 20)} 18% ${68 + (hash % 9)}%)`;
}
