// views/stacks.ts — the live stack of every thread and task: file : line : function, its statement, what runs marked.
import { threadClass } from '../colour';
import { el, setChildren, setClass, setHidden, setText } from '../dom';
import { duration } from '../format';
import { baseName } from '../paths';
import { formatRoute } from '../route';
import type { Source } from '../sources';
import { nameOfThread, type Row, stackRows, stuckMs } from '../stack';
import type { ProgramModel } from '../store';
import type { FileEntry, Frame, Thread } from '../wire';
import type { Piece, Reading } from './reading';
import { renderStatement, statementOf } from './statement';

const UPDATE_MS = 90; // faster than about ten times a second nobody reads

export interface StackNeeds {
  source(model: ProgramModel, file: FileEntry): Source;
  choose(thread: number | null): void; // shows it alone; again, or null: all
}

interface Card {
  readonly root: HTMLElement;
  readonly name: HTMLButtonElement;
  readonly state: HTMLElement;
  readonly since: HTMLElement;
  readonly list: HTMLOListElement;
  readonly lines: StackLine[];
  pinned: boolean; // scrolled to the innermost frame, as it is until the reader scrolls up
}

export class StacksView {
  readonly root: HTMLElement;
  private readonly title: HTMLElement;
  private readonly grid = el('div', { class: 'stack-grid' });
  private readonly others = el('button', { type: 'button', class: 'others', hidden: '' });
  private readonly cards = new Map<number, Card>();
  private readonly unfolded = new Set<number>(); // threads whose machinery the reader wants to see
  private drawnAt = Number.NEGATIVE_INFINITY;
  private stale = true;
  private only: number | null = null;
  private pieces: (text: string) => readonly Piece[] = () => [];

  constructor(private readonly needs: StackNeeds) {
    this.title = el('span', { class: 'count' });
    this.root = el(
      'section',
      { class: 'stacks', 'aria-label': 'Live stacks' },
      el('h2', { class: 'visually-hidden' }, 'Stack ', this.title),
      this.others,
      this.grid,
    );
    this.others.addEventListener('click', () => needs.choose(null));
  }

  /** What the first picture does without has been loaded. */
  use(reading: Reading): void {
    this.pieces = reading.pieces;
    this.cards.clear();
    this.invalidate();
  }

  /** Stacks or source texts are others than before. */
  invalidate(): void {
    this.stale = true;
  }

  /** `only`: the thread to show alone, null all of them. */
  update(model: ProgramModel, only: number | null, live: boolean, tick: number, wall: number): void {
    if (wall - this.drawnAt < UPDATE_MS && only === this.only) return;
    this.stale ||= only !== this.only;
    this.only = only;
    this.drawnAt = wall;
    for (const thread of model.threads) this.showHeader(model, thread, live, tick);
    if (!this.stale) return;
    this.stale = false;
    const here = new Set(model.threads.map((thread) => thread.id));
    for (const id of this.cards.keys()) if (!here.has(id)) this.cards.delete(id);
    const shown = only === null ? model.threads : model.threads.filter(({ id }) => id === only);
    for (const thread of shown) this.showFrames(model, thread);
    this.showOthers(only, shown.length > 0, model.threads.length - shown.length);
    const order = [...shown].sort((a, b) => model.colourOf(a.id) - model.colourOf(b.id));
    setChildren(this.grid, order.map((thread) => this.card(thread).root));
    const tasks = model.threads.filter((thread) => thread.task).length;
    const threads = model.threads.length - tasks;
    setText(this.title, `${plural(threads, 'thread')}${tasks > 0 ? `, ${plural(tasks, 'task')}` : ''}`);
    for (const card of this.cards.values()) if (card.pinned) card.list.scrollTop = card.list.scrollHeight;
  }

  private showOthers(only: number | null, found: boolean, others: number): void {
    setHidden(this.others, only === null || (found && others === 0));
    if (only === null) return;
    setText(this.others, found ? `Show the other ${plural(others, 'stack')} too` : 'That thread has ended. Show all');
  }

  private card(thread: Thread): Card {
    const known = this.cards.get(thread.id);
    if (known !== undefined) return known;
    const name = el('button', { type: 'button', title: 'Show this stack alone, or all' });
    name.addEventListener('click', () => this.needs.choose(thread.id));
    const state = el('span', { class: 'state' });
    const since = el('span', { class: 'badge', title: 'It has not moved for so long' });
    const list = el('ol', { tabindex: '0' });
    const root = el('article', { class: 'thread' }, el('h3', {}, el('i', { class: 'dot' }), name, state, since), list);
    const card: Card = { root, name, state, since, list, lines: [], pinned: true };
    list.addEventListener('scroll', () => {
      card.pinned = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
    });
    this.cards.set(thread.id, card);
    return card;
  }

  private showHeader(model: ProgramModel, thread: Thread, live: boolean, tick: number): void {
    const card = this.card(thread);
    const look = `thread ${threadClass(model.colourOf(thread.id))}`;
    if (card.root.className !== look) card.root.className = look;
    const name = nameOfThread(thread);
    setText(card.name, name);
    card.name.setAttribute('aria-pressed', String(thread.id === this.only));
    card.list.setAttribute('aria-label', `Stack of ${name}, outermost first`);
    const state = !live ? 'as it stood last' : thread.state === 'unknown' ? '' : thread.state;
    setText(card.state, `${thread.task ? 'task ' : ''}${state}`);
    const stuck = live ? stuckMs(thread, model.threads, tick, (file, line) => model.lastTickOf(file, line)) : 0;
    setHidden(card.since, stuck === 0);
    if (stuck > 0) setText(card.since, `stuck ${duration(stuck)}`);
  }

  private showFrames(model: ProgramModel, thread: Thread): void {
    const card = this.card(thread);
    const rows = stackRows(thread, (file) => model.files[file]?.path ?? '', this.unfolded.has(thread.id));
    while (card.lines.length > rows.length) card.lines.pop();
    rows.forEach((row, i) => {
      const line = (card.lines[i] ??= new StackLine(() => {
        this.unfolded.add(thread.id);
        this.stale = true;
        this.drawnAt = Number.NEGATIVE_INFINITY;
      }));
      this.showRow(model, row, line);
    });
    setChildren(card.list, card.lines.map((line) => line.root));
  }

  private showRow(model: ProgramModel, row: Row, line: StackLine): void {
    if (row.kind === 'elided') line.showNote(`${plural(row.count, 'frame')} more: the stack is deeper than is recorded`);
    else if (row.kind === 'folded') line.showFold(row.frames.length);
    else {
      const { frame } = row;
      const file = model.files[frame.file];
      const source = file === undefined ? null : this.needs.source(model, file);
      const statement = source?.state === 'there' ? statementOf(source.lines, frame) : null;
      const path = file?.path ?? '';
      const href = file === undefined ? null : formatRoute(model.placeOf(frame.file, frame.line, this.only));
      line.showFrame(frame, path, href, file?.traced === true, row.innermost, statement, this.pieces);
    }
  }
}

/** One line of a stack; its nodes are kept and changed, because stacks change ten times a second. */
class StackLine {
  readonly root = el('li');
  private readonly link = el('a');
  private readonly name = el('span');
  private readonly line = el('b');
  private readonly where = el('span', { class: 'where' }, this.name, this.line);
  private readonly what = el('span', { class: 'function' });
  private readonly code = el('code');
  private readonly unfold = el('button', { type: 'button', class: 'fold' });
  private key = '';
  private codeKey = '';

  constructor(unfold: () => void) {
    this.link.append(this.where, this.what, this.code);
    this.unfold.addEventListener('click', unfold);
  }

  showNote(text: string): void {
    if (!this.turnInto(`note ${text}`, 'elided')) return;
    this.root.replaceChildren(text);
  }

  showFold(count: number): void {
    if (!this.turnInto(`fold ${count}`, 'folded')) return;
    setText(this.unfold, `${plural(count, 'frame')} of what started it`);
    this.root.replaceChildren(this.unfold);
  }

  showFrame(
    frame: Frame,
    path: string,
    href: string | null,
    traced: boolean,
    innermost: boolean,
    statement: { text: string; from: number; to: number } | null,
    pieces: (text: string) => readonly Piece[],
  ): void {
    if (this.turnInto(`${path}:${frame.line}:${frame.function}:${href}`, 'frame')) {
      setText(this.name, baseName(path) || '?');
      setText(this.line, frame.line < 1 ? '' : `:${frame.line}`); // the jump back of a loop has no line of its own
      this.where.title = path;
      setText(this.what, frame.function);
      if (href === null) this.link.removeAttribute('href');
      else this.link.setAttribute('href', href);
      if (this.link.parentNode === null) this.root.replaceChildren(this.link);
    }
    setClass(this.root, 'untraced', !traced);
    setClass(this.root, 'innermost', innermost);
    const codeKey = statement === null ? '' : `${statement.from} ${statement.to} ${statement.text}`;
    if (codeKey === this.codeKey) return;
    this.codeKey = codeKey;
    this.code.title = statement?.text ?? '';
    if (statement === null) this.code.replaceChildren();
    else this.code.replaceChildren(renderStatement(statement.text, statement.from, statement.to, pieces(statement.text)));
  }

  private turnInto(key: string, look: string): boolean {
    if (this.key === key) return false;
    this.key = key;
    this.root.className = look;
    return true;
  }
}

function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
