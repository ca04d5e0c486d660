// views/files.ts — a program's traced files: grouped, hottest first, each with its hits and a bar; a field to filter.
import { ramp, type Tone } from '../colour';
import { el, setChildren, setClass, setHidden, setText } from '../dom';
import { compact, exact } from '../format';
import { WINDOWS } from '../heat';
import { baseName, commonDirectory, type Group, GROUP_TITLES, groupOf, GROUPS, shownDirectory } from '../paths';
import { formatRoute } from '../route';
import type { ProgramModel } from '../store';
import type { FileEntry } from '../wire';

const SORT_MS = 1500; // rows that change places faster cannot be clicked
const BAR_WIDTH = 200; // of the picture, which is as wide as the row
const BAR_HEIGHT = 4;

interface Row {
  readonly item: HTMLLIElement;
  readonly link: HTMLAnchorElement;
  readonly directory: HTMLElement;
  readonly hits: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly group: Group;
  readonly file: FileEntry;
  drawn: string;
}

export class FilesView {
  readonly root: HTMLElement;
  private readonly filter: HTMLInputElement;
  private readonly groups: ReadonlyMap<Group, { section: HTMLElement; list: HTMLElement; count: HTMLElement }>;
  private readonly empty = el('p', { class: 'files-empty' });
  private rows = new Map<number, Row>();
  private model: ProgramModel | null = null;
  private sortedAt = Number.NEGATIVE_INFINITY;
  private tone: Tone = 'dark';
  private readonly levels = new Float32Array(WINDOWS);

  constructor(private readonly opened: (file: number) => void) {
    this.filter = el('input', {
      type: 'search',
      placeholder: 'Filter files  ( / )',
      'aria-label': 'Filter files',
      spellcheck: 'false',
      autocomplete: 'off',
    });
    this.filter.addEventListener('input', () => this.arrange());
    this.filter.addEventListener('keydown', (event) => this.key(event));
    const sections = GROUPS.map((group) => {
      const list = el('ul');
      const count = el('span', { class: 'count' });
      const section = el('section', { hidden: '' }, el('h2', {}, GROUP_TITLES[group], ' ', count), list);
      return [group, { section, list, count }] as const;
    });
    this.groups = new Map(sections);
    this.root = el(
      'nav',
      { class: 'files', 'aria-label': 'Files' },
      el('div', { class: 'files-filter' }, this.filter),
      el('div', { class: 'files-list' }, ...sections.map(([, parts]) => parts.section), this.empty),
    );
  }

  focusFilter(): void {
    this.filter.focus();
    this.filter.select();
  }

  restyle(tone: Tone): void {
    this.tone = tone;
    for (const row of this.rows.values()) row.drawn = '';
  }

  /** Files have been added, or it is another program. */
  setFiles(model: ProgramModel, thread: number | null): void {
    if (this.model?.files !== model.files) this.rows = new Map();
    this.model = model;
    for (const file of model.files) if (file?.traced === true && !this.rows.has(file.index)) this.rows.set(file.index, makeRow(file));
    const project = commonDirectory([...this.rows.values()].filter((r) => r.group === 'project').map((r) => r.file.path));
    for (const [index, row] of this.rows) {
      const place = model.placeOf(index, null, thread);
      const directory = shownDirectory(row.file.path, row.group, project);
      setText(row.directory, place.entry === null ? directory : `${directory} (an earlier text)`);
      row.link.setAttribute('href', formatRoute(place));
    }
    this.arrange();
  }

  setCurrent(file: number | null): void {
    for (const [index, row] of this.rows) {
      const current = index === file;
      setClass(row.item, 'current', current);
      if (current) row.link.setAttribute('aria-current', 'page');
      else row.link.removeAttribute('aria-current');
    }
  }

  /** Hits and bars; the order follows the heat at a reader's pace. */
  update(now: number, wall: number): void {
    const model = this.model;
    if (model === null) return;
    if (wall - this.sortedAt > SORT_MS) this.arrange();
    model.fileHeat.look(now);
    for (const [index, row] of this.rows) {
      if (row.item.hidden) continue;
      const hits = model.fileHeat.hitsOf(index);
      setText(row.hits, compact(hits));
      row.hits.title = `${exact(hits)} hits`;
      model.fileHeat.levels(index, this.levels, 0);
      this.drawBar(row, hits);
    }
  }

  private drawBar(row: Row, hits: number): void {
    const scale = window.devicePixelRatio;
    const widths = Array.from(this.levels, (level) => Math.round(level * BAR_WIDTH * scale));
    if (hits > 0) widths[WINDOWS - 1] = Math.max(2, widths[WINDOWS - 1] as number);
    const drawn = `${scale} ${widths.join(' ')}`;
    if (drawn === row.drawn) return;
    row.drawn = drawn;
    row.canvas.width = Math.round(BAR_WIDTH * scale);
    row.canvas.height = Math.round(BAR_HEIGHT * scale);
    const pen = row.canvas.getContext('2d');
    if (pen === null) return;
    const colours = ramp(this.tone);
    for (let k = WINDOWS - 1; k >= 0; k--) {
      pen.fillStyle = colours[k] as string;
      pen.fillRect(0, 0, widths[k] as number, row.canvas.height);
    }
  }

  private arrange(): void {
    const model = this.model;
    if (model === null) return;
    this.sortedAt = performance.now();
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [group, parts] of this.groups) {
      const rows = [...this.rows.values()].filter((row) => row.group === group);
      for (const row of rows) setHidden(row.item, !words.every((word) => row.file.path.toLowerCase().includes(word)));
      const visible = rows.filter((row) => !row.item.hidden);
      visible.sort((a, b) => model.fileHeat.hitsOf(b.file.index) - model.fileHeat.hitsOf(a.file.index));
      setChildren(parts.list, visible.map((row) => row.item));
      setText(parts.count, String(visible.length));
      setHidden(parts.section, visible.length === 0);
      shown += visible.length;
    }
    setHidden(this.empty, shown > 0);
    setText(this.empty, words.length > 0 ? 'No file matches.' : 'No file has been traced yet.');
  }

  private key(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      this.filter.value = '';
      this.arrange();
      this.filter.blur();
    } else if (event.key === 'Enter') {
      const first = this.root.querySelector<HTMLAnchorElement>('.files-list a');
      const row = [...this.rows.values()].find((r) => r.link === first);
      if (row === undefined) return;
      this.filter.blur();
      this.opened(row.file.index);
    }
  }
}

function makeRow(file: FileEntry): Row {
  const directory = el('span', { class: 'dir' });
  const hits = el('span', { class: 'hits' });
  const canvas = el('canvas', { class: 'bar', 'aria-hidden': 'true' });
  const link = el(
    'a',
    { title: file.path },
    el('span', { class: 'name' }, el('b', {}, baseName(file.path)), ' ', directory),
    canvas,
    hits,
  );
  return { item: el('li', {}, link), link, directory, hits, canvas, group: groupOf(file.path), file, drawn: '' };
}
