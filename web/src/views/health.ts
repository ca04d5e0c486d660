// views/health.ts — the line below all: the connection, what tracing costs, what could not be recorded, notes.
import type { Link } from '../connection';
import { el, setChildren, setClass, setText } from '../dom';
import { compact, percent } from '../format';
import type { ProgramModel } from '../store';
import { dropTexts } from '../trouble';

const LINK_WORDS: Readonly<Record<Link['state'], string>> = {
  connecting: 'connecting…',
  open: 'connected',
  lost: 'not connected',
  refused: 'not let in',
};

export class HealthView {
  readonly root: HTMLElement;
  private readonly link = el('span', { class: 'link' });
  private readonly cost = el('span', { title: 'Processor time of the thread that looks at stacks, and how often it has looked' });
  private readonly drops = el('span', { class: 'drops' });
  private readonly notes = el('details', { class: 'notes', hidden: '' });
  private readonly noteCount = el('summary');
  private readonly noteList = el('ul');

  constructor() {
    this.notes.append(this.noteCount, this.noteList);
    this.root = el('footer', { class: 'health' }, this.link, this.cost, el('span', { class: 'gap' }), this.drops, this.notes);
  }

  setLink(link: Link, paused: boolean): void {
    setText(this.link, paused && link.state === 'open' ? 'paused' : LINK_WORDS[link.state]);
    setClass(this.link, 'lost', link.state === 'lost' || link.state === 'refused');
    setClass(this.link, 'paused', paused);
  }

  update(model: ProgramModel | null): void {
    const sampler = model?.sampler ?? null;
    const cost = model === null || sampler === null || model.tick === 0 ? null : sampler.cpuMs / model.tick;
    setText(
      this.cost,
      sampler === null || cost === null ? '' : `stacks cost ${percent(cost)} of a core · ${compact(sampler.samples)} looks`,
    );
    setText(this.drops, model === null ? '' : dropTexts(model.drops).join(' · '));
    const notes = model?.notes ?? [];
    this.notes.hidden = notes.length === 0;
    if (this.noteList.childElementCount === notes.length) return;
    setText(this.noteCount, `${notes.length} note${notes.length === 1 ? '' : 's'}`);
    setChildren(this.noteList, notes.map((note) => el('li', {}, el('b', {}, note.kind), ' ', note.text)));
  }
}
