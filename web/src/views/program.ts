// views/program.ts — one program: files beside source above stacks; on a phone one of the three at a time.
import { el, setClass } from '../dom';
import { filesSplitter, stackSplitter } from './splitter';
import type { TimeView } from './time';

const PANES = [
  ['files', 'Files'],
  ['source', 'Source'],
  ['stacks', 'Stacks'],
] as const;

export type Pane = (typeof PANES)[number][0];

export class ProgramView {
  readonly root: HTMLElement;
  private readonly tabs = new Map<Pane, HTMLButtonElement>();
  private readonly nothing = el('p', { class: 'nothing', hidden: '' });

  constructor(files: HTMLElement, messages: HTMLElement, source: HTMLElement, stacks: HTMLElement, time: TimeView) {
    const column = el('div', { class: 'column' });
    column.append(source, this.nothing, stackSplitter(column), stacks, time.flame.root);
    const tabs = el('div', { class: 'panes', role: 'group', 'aria-label': 'What to show' });
    for (const [pane, title] of PANES) {
      const tab = el('button', { type: 'button' }, title);
      tab.addEventListener('click', () => this.show(pane));
      this.tabs.set(pane, tab);
      tabs.append(tab);
    }
    const columns = el('div', { class: 'columns' });
    columns.append(files, filesSplitter(columns, files), column);
    this.root = el('main', { class: 'program' }, messages, columns, time.root, tabs);
    this.source = source;
    this.show('source');
  }
  private readonly source: HTMLElement;

  show(pane: Pane): void {
    this.root.dataset['pane'] = pane;
    for (const [name, tab] of this.tabs) tab.setAttribute('aria-pressed', String(name === pane));
  }

  /** Whether what is shown is the last picture, and not renewed. */
  setStale(stale: boolean): void {
    setClass(this.root, 'stale', stale);
  }

  /** Words instead of a source, null to show the source. */
  setNothing(words: string | null): void {
    this.source.hidden = words !== null;
    this.nothing.hidden = words === null;
    if (words !== null) this.nothing.textContent = words;
  }
}
