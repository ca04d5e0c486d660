// views/health.ts — the line below all: the connection, what tracing costs, what could not be recorded, notes.
import type { Link } from '../connection';
import { el, setChildren, setClass, setHidden, setText } from '../dom';
import { compact, exact, percent } from '../format';
import type { ProgramModel } from '../store';
import { dropTexts, fillOf, fullest, isNearlyFull } from '../trouble';
import type { ViewingCost } from '../viewing';
import type { Table } from '../wire';

const LINK_WORDS: Readonly<Record<Link['state'], string>> = {
  connecting: 'connecting…',
  open: 'connected',
  lost: 'not connected',
  refused: 'not let in',
};

export class HealthView {
  readonly root: HTMLElement;
  private readonly link = el('span', { class: 'link' });
  private readonly cost = el('span', { class: 'cost', title: 'Processor time of the thread that looks at stacks, and how often it has looked' });
  private readonly viewing = el('span', { class: 'viewing', title: 'Processor time of this hrview, all its pages together, and how many frames a second this page gets' });
  private readonly tables = el('details', { class: 'notes tables', hidden: '' });
  private readonly fullest = el('summary', { title: 'How full the program’s tables are: what finds no room in them is not recorded' });
  private readonly tableList = el('ul');
  private shown: readonly Table[] = [];
  private readonly drops = el('span', { class: 'drops' });
  private readonly notes = el('details', { class: 'notes', hidden: '' });
  private readonly noteCount = el('summary');
  private readonly noteList = el('ul');

  constructor() {
    this.notes.append(this.noteCount, this.noteList);
    this.tables.append(this.fullest, this.tableList);
    this.root = el('footer', { class: 'health' }, this.link, this.cost, this.viewing, el('span', { class: 'gap' }), this.drops, this.tables, this.notes);
  }

  setLink(link: Link, paused: boolean): void {
    setText(this.link, paused && link.state === 'open' ? 'paused' : LINK_WORDS[link.state]);
    setClass(this.link, 'lost', link.state === 'lost' || link.state === 'refused');
    setClass(this.link, 'paused', paused);
  }

  update(model: ProgramModel | null, viewing: ViewingCost | null): void {
    const sampler = model?.sampler ?? null;
    const cost = model === null || sampler === null || model.tick === 0 ? null : sampler.cpuMs / model.tick;
    setText(
      this.cost,
      sampler === null || cost === null ? '' : `stacks cost ${percent(cost)} of a core · ${compact(sampler.samples)} looks`,
    );
    setText(
      this.viewing,
      viewing === null ? '' : `viewing costs ${percent(viewing.share)} of a core · ${Math.round(viewing.framesPerSecond)} frames/s`,
    );
    this.showTables(model?.segmentTables ?? []);
    setText(this.drops, model === null ? '' : dropTexts(model.drops).join(' · '));
    const notes = model?.notes ?? [];
    this.notes.hidden = notes.length === 0;
    if (this.noteList.childElementCount === notes.length) return;
    setText(this.noteCount, `${notes.length} note${notes.length === 1 ? '' : 's'}`);
    setChildren(this.noteList, notes.map((note) => el('li', {}, el('b', {}, note.kind), ' ', note.text)));
  }

  private showTables(tables: readonly Table[]): void {
    const first = fullest(tables);
    setHidden(this.tables, first === null);
    if (first === null || tables === this.shown) return;
    this.shown = tables;
    setText(this.fullest, `${first.name} table ${percent(fillOf(first))} full`);
    setClass(this.tables, 'full', isNearlyFull(first));
    const rows = tables.map((table) => {
      const words = `${percent(fillOf(table))}, ${exact(table.used)} of ${exact(table.capacity)}${table.name === 'strings' ? ' bytes' : ''}`;
      return el('li', isNearlyFull(table) ? { class: 'full' } : {}, el('b', {}, table.name), ' ', words);
    });
    setChildren(this.tableList, rows);
  }
}
