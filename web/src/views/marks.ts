// views/marks.ts — compares what was hit after one mark with what was hit after another, line by line.
import { el, setText } from '../dom';
import { exact } from '../format';
import type { History } from '../history';
import { type Difference, differences, type Stretch } from '../marks';
import { baseName, fileAndLine } from '../paths';
import { formatRoute } from '../route';
import type { ProgramModel } from '../store';
import { clockTime } from '../timeline';

const ROWS = 300;

export class MarksView {
  readonly root: HTMLDialogElement;
  private readonly a = el('select');
  private readonly b = el('select');
  private readonly summary = el('p');
  private readonly table = el('table');
  private stretches: readonly Stretch[] = [];
  private show: () => void = () => undefined;

  constructor() {
    const close = el('button', { type: 'button', class: 'plain' }, 'Close');
    close.addEventListener('click', () => this.root.close());
    for (const select of [this.a, this.b]) select.addEventListener('change', () => this.show());
    this.root = el(
      'dialog',
      { class: 'help marks', 'aria-label': 'Compare marks' },
      el('h2', {}, 'What was hit after one mark, and after another'),
      el('p', { class: 'marks-choice' }, el('label', {}, 'A ', this.a), el('label', {}, 'B ', this.b)),
      this.summary,
      el('div', { class: 'marks-table', tabindex: '0' }, this.table),
      close,
    );
  }

  /** Each mark's stretch goes to the next mark, the last one's to `end`. */
  open(history: History, model: ProgramModel, marks: readonly number[], end: number): void {
    this.stretches = marks.map((from, i) => ({ from, to: Math.max(from, marks[i + 1] ?? end) }));
    const options = (): HTMLOptionElement[] =>
      this.stretches.map(({ from, to }, i) => el('option', { value: String(i) }, `after mark ${i + 1} · ${clockTime(from)} to ${clockTime(to)}`));
    this.a.replaceChildren(...options());
    this.b.replaceChildren(...options());
    this.a.value = String(Math.max(0, marks.length - 2));
    this.b.value = String(marks.length - 1);
    this.show = () => this.fill(history, model);
    this.show();
    if (!this.root.open) this.root.showModal();
  }

  private fill(history: History, model: ProgramModel): void {
    const a = this.stretches[Number(this.a.value)];
    const b = this.stretches[Number(this.b.value)];
    if (a === undefined || b === undefined) return;
    const found = differences(history, a, b);
    const onlyA = found.filter((row) => row.b === 0).length;
    const onlyB = found.filter((row) => row.a === 0).length;
    const more = found.length > ROWS ? ` The ${ROWS} that differ most:` : '';
    setText(this.summary, `Lines hit in A alone: ${exact(onlyA)}, in B alone: ${exact(onlyB)}, in both: ${exact(found.length - onlyA - onlyB)}.${more}`);
    const head = el('tr', {}, ...['Line', 'Hits in A', 'Hits in B'].map((title) => el('th', { scope: 'col' }, title)));
    this.table.replaceChildren(el('thead', {}, head), el('tbody', {}, ...found.slice(0, ROWS).map((row) => this.row(model, row))));
  }

  private row(model: ProgramModel, { file, line, a, b }: Difference): HTMLTableRowElement {
    const path = model.files[file]?.path ?? '?';
    const link = el('a', { href: formatRoute(model.placeOf(file, line, null)), title: path }, fileAndLine(baseName(path), line));
    link.addEventListener('click', () => this.root.close());
    const cell = (hits: number): HTMLElement => el('td', hits === 0 ? { class: 'none' } : {}, exact(hits));
    return el('tr', {}, el('th', { scope: 'row' }, link), cell(a), cell(b));
  }
}
