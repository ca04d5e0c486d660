// views/source.ts — one file: its head line, messages, the editor with the strip, and the table of its hottest lines
// for who cannot see the strip. All of it shows the same LineTable.
import type { Extension, StateEffect } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import type { Tone } from '../colour';
import { el, setChildren, setHidden, setText } from '../dom';
import { duration, exact, percent, perSecond } from '../format';
import type { LineTable } from '../lines';
import { baseName } from '../paths';
import type { Source } from '../sources';
import type { ProgramModel } from '../store';
import { fileMessages } from '../trouble';
import type { FileEntry } from '../wire';
import { editorExtensions, extend, factsChanged, makeEditor, replaceText, scrollToLine, setTarget } from './editor';
import { coldRuns, setCold } from './cold';
import { FileTools } from './filetools';
import { LineCard, type LineFigures, Pointing } from './linecard';
import { Messages } from './messages';
import { Minimap } from './minimap';
import type { Reading } from './reading';
import { type Running, runningIn, runningLines, sameRunning, setRunning } from './running';
import { Strip } from './strip';

const FIGURES_MS = 250; // numbers in words change at a reader's pace
const TABLE_MS = 2000;
const TABLE_LINES = 20;

/** What is shown first, where that is known already: to change it costs as much as to make the editor. */
export interface FirstSight {
  readonly model: ProgramModel;
  readonly file: number;
  readonly text: string;
}

export interface SourceScene {
  readonly model: ProgramModel;
  readonly file: number;
  readonly now: number;
  readonly tick: number;
  readonly wall: number;
  readonly target: number | null;
  readonly still: boolean;
  readonly timeColumn: boolean;
  minuteOf(line: number): readonly number[]; // hits a second over the last minute, oldest first
}

export class SourceView {
  readonly root: HTMLElement;
  private readonly strip = new Strip();
  private readonly extensions: Extension;
  private readonly editor: EditorView;
  private readonly minimap = new Minimap((share) => this.scrollToShare(share));
  private readonly messages = new Messages();
  private readonly directory = el('bdi');
  private readonly name = el('b');
  readonly tools = new FileTools();
  private readonly figures = el('span', { class: 'figures' });
  private readonly card = new LineCard();
  private readonly pointing = new Pointing();
  private asked = false; // for the card of the line chosen
  private readonly hot = el('table');
  private readonly waiting = el('p', { class: 'waiting' });
  private source: Source | null = null;
  private table: LineTable | null = null;
  private edition = 0; // of the table
  private shownText: string | null;
  private effects: StateEffect<unknown>[] = []; // what the editor is told with the next frame
  private shownFile = '';
  private running: readonly Running[] = [];
  private runningAt: ReadonlyMap<number, readonly number[]> = new Map();
  private pendingLine: number | null = null; // to scroll to once the text is there
  private pointer: { x: number; y: number } | null = null;
  private figuresAt = Number.NEGATIVE_INFINITY;
  private tableAt = Number.NEGATIVE_INFINITY;
  private target: number | null = null;
  private hidesCold = false;
  private reading: Reading | null = null; // not loaded yet
  private searched = false; // before that it waits
  drawn = false; // text and counts have been, once

  constructor(cspNonce: string, first: FirstSight | null, private readonly lineChosen: (line: number) => void) {
    const unhit = (line: number): boolean => {
      const item = this.table?.itemOf(line) ?? -1;
      return item !== -1 && this.table?.hitsOf(item) === 0;
    };
    this.extensions = editorExtensions({ unhit }, () => this.strip.dom.offsetWidth, cspNonce);
    this.shownText = first === null ? null : first.text;
    if (first !== null) {
      this.setTable(first.model.table(first.file));
      this.setThreads(first.model, first.file);
    }
    this.editor = makeEditor(this.extensions, this.shownText ?? '', this.running);
    this.effects = [];
    this.editor.scrollDOM.insertBefore(this.strip.dom, this.editor.contentDOM);
    const legend = el('span', { class: 'legend', 'aria-hidden': 'true' }, 'at rest', el('i'), 'just now');
    this.root = el(
      'section',
      { class: 'source', 'aria-label': 'Source' },
      el('header', { class: 'source-head' }, el('h2', {}, el('span', { class: 'dir' }, this.directory), this.name), this.tools.root, this.figures, legend),
      this.messages.root,
      this.waiting,
      el('div', { class: 'source-body' }, this.editor.dom, this.minimap.root),
      this.card.root,
      el('div', { class: 'visually-hidden' }, this.hot), // a table itself cannot be made that small
    );
    this.strip.dom.addEventListener('click', (event) => {
      const line = this.strip.lineAt(this.editor, event.clientY);
      if (line !== null) this.lineChosen(line);
    });
    this.editor.scrollDOM.addEventListener('pointermove', (event) => {
      this.pointer = event.pointerType === 'mouse' ? { x: event.clientX, y: event.clientY } : null;
    });
    this.editor.scrollDOM.addEventListener('pointerleave', () => (this.pointer = null));
  }

  restyle(tone: Tone): void {
    this.strip.restyle(tone);
    this.minimap.restyle(tone);
  }

  /** What the first picture does without has been loaded. */
  use(reading: Reading): void {
    extend(this.editor, reading.extensions);
    this.reading = reading;
    if (this.searched) this.search();
  }

  search(): void {
    this.searched = true;
    this.reading?.openSearchPanel(this.editor);
  }

  focus(): void {
    this.editor.scrollDOM.focus({ preventScroll: true });
  }

  /** Folds what was not hit, or shows it again. */
  toggleCold(): void {
    this.hidesCold = !this.hidesCold;
    this.foldCold();
  }

  private foldCold(): void {
    const table = this.table;
    const hit = (line: number): boolean => {
      const item = table?.itemOf(line) ?? -1;
      return item !== -1 && (table?.hitsOf(item) ?? 0) > 0;
    };
    const runs = this.hidesCold && table !== null ? coldRuns(this.editor.state.doc.lines, hit) : [];
    this.effects.push(setCold.of(runs));
  }

  private scrollToShare(share: number): void {
    const scroller = this.editor.scrollDOM;
    scroller.scrollTop = share * scroller.scrollHeight - scroller.clientHeight / 2;
  }

  /** Is a line where the reader sees it? */
  sees(line: number): boolean {
    if (line < 1 || line > this.editor.state.doc.lines) return true; // not in this text: nothing to go to
    const block = this.editor.lineBlockAt(this.editor.state.doc.line(line).from);
    const { scrollTop, clientHeight } = this.editor.scrollDOM;
    return block.top >= scrollTop && block.bottom <= scrollTop + clientHeight;
  }

  /** Goes to a line, as soon as there is text to go to. */
  goTo(line: number): void {
    this.pendingLine = line;
  }

  /** Another file, another program, a text that arrived: brings the editor up to it. */
  setSource(model: ProgramModel, entry: FileEntry, source: Source): void {
    const key = `${model.id}/${entry.index}`;
    if (key !== this.shownFile) {
      if (this.shownFile !== '') this.shownText = null; // the same text again, but from its top
      this.shownFile = key;
      this.figuresAt = this.tableAt = Number.NEGATIVE_INFINITY;
      setText(this.directory, entry.path.slice(0, entry.path.lastIndexOf('/') + 1));
      setText(this.name, baseName(entry.path));
    }
    if (source !== this.source) this.tableAt = Number.NEGATIVE_INFINITY;
    this.source = source;
    const failed = source.state === 'failed' ? source.why.replace(/\.$/, '') : null;
    this.messages.show(fileMessages(entry, source.state === 'there' ? source.changed : entry.changed, failed));
    setHidden(this.waiting, source.state !== 'loading');
    setText(this.waiting, source.state === 'loading' ? 'Loading the source…' : '');
    setHidden(this.editor.dom, source.state === 'loading');
  }

  /** The counts to be drawn; which lines are hit at all may be another than before. */
  setTable(table: LineTable | null): void {
    if (table === this.table && table?.edition === this.edition) return;
    this.table = table;
    this.edition = table?.edition ?? 0;
    this.effects.push(factsChanged.of(null));
    if (this.hidesCold) this.foldCold();
  }

  setThreads(model: ProgramModel, file: number): void {
    const running = runningIn(file, model.threads, (thread) => model.colourOf(thread));
    if (sameRunning(running, this.running)) return;
    this.running = running;
    this.runningAt = runningLines(running);
    this.effects.push(setRunning.of(running));
  }

  /** Every animation frame. */
  draw(scene: SourceScene): void {
    this.bringText();
    const entry = scene.model.files[scene.file];
    if (entry !== undefined) this.tools.show(entry.path, scene.target, entry.disk);
    if (scene.target !== this.target) {
      this.target = scene.target;
      this.effects.push(setTarget.of(scene.target));
    }
    if (this.effects.length > 0) {
      this.editor.dispatch({ effects: this.effects });
      this.effects = [];
    }
    const { samples } = scene.model;
    const timeOf = scene.timeColumn ? (line: number): number => samples.share(scene.file, line) : null;
    this.strip.draw(this.editor, { ...scene, table: this.table, running: this.runningAt, timeOf });
    if (!this.drawn) {
      this.drawn = true; // what makes them easier to read comes a frame later
      return;
    }
    this.minimap.draw(this.editor, this.table, scene.now, scene.wall);
    this.showCard(scene);
    if (scene.wall - this.figuresAt > FIGURES_MS) {
      this.figuresAt = scene.wall;
      setText(this.figures, this.figuresText(scene));
    }
    if (scene.wall - this.tableAt > TABLE_MS) {
      this.tableAt = scene.wall;
      this.fillTable(scene);
    }
  }

  /** Puts the text into the editor; where there is none, empty lines for the counts to stand beside. */
  private bringText(): void {
    const source = this.source;
    if (source === null || source.state === 'loading') return;
    const last = this.table === null ? 1 : this.table.lastLine;
    const text = source.state === 'there' ? source.text : '\n'.repeat(Math.min(last, 1_000_000) - 1);
    if (text !== this.shownText) {
      this.shownText = text;
      replaceText(this.editor, this.extensions, text);
      this.target = null;
      this.effects.push(setRunning.of(this.running));
      if (this.hidesCold) this.foldCold();
    }
    if (this.pendingLine === null || this.editor.dom.hidden) return;
    scrollToLine(this.editor, this.pendingLine);
    this.pendingLine = null;
  }

  private figuresText(scene: SourceScene): string {
    const { model, file, now } = scene;
    if (model.files[file]?.traced !== true) return '';
    const hits = model.fileHeat.hitsOf(file);
    const table = this.table;
    const parts = [`${exact(hits)} hits`, perSecond(model.fileHeat.rate(file, now))];
    if (table !== null) parts.push(`${exact(table.hitLines)} of ${exact(table.lines.length)} lines hit`);
    if (scene.timeColumn) parts.push(`time estimated from ${exact(model.samples.total)} samples`);
    return parts.join('  ·  ');
  }

  /** The card of the line chosen is shown, or no longer. */
  toggleCard(): void {
    this.asked = !this.asked;
  }

  private showCard(scene: SourceScene): void {
    const { table, pointer } = this;
    const strip = this.strip.dom.getBoundingClientRect();
    const under = pointer === null ? null : this.strip.lineAt(this.editor, pointer.y);
    this.strip.hover(under);
    const pointed = this.pointing.point(under, pointer !== null && pointer.x < strip.right, scene.wall);
    const line = pointed ?? (this.asked ? scene.target : null);
    if (table === null || line === null || table.itemOf(line) === -1 || line > this.editor.state.doc.lines) {
      this.card.hide();
      return;
    }
    const { samples } = scene.model;
    const figures = (): LineFigures => ({
      line,
      table,
      now: scene.now,
      tick: scene.tick,
      share: samples.share(scene.file, line),
      samples: samples.total,
      minute: scene.minuteOf(line),
    });
    this.card.show(line, scene.wall, figures, (card) => this.placeCard(card, line, strip.right));
  }

  /** Below its line and right of the strip; above it when there is no room below. */
  private placeCard(card: HTMLElement, line: number, right: number): void {
    const box = this.root.getBoundingClientRect();
    const block = this.editor.lineBlockAt(this.editor.state.doc.line(line).from);
    const top = this.editor.documentTop + block.top - box.top;
    const below = top + block.height + card.offsetHeight + 6 <= box.height;
    const left = Math.min(right - box.left + 6, box.width - card.offsetWidth - 6);
    card.style.left = `${Math.max(6, left)}px`;
    card.style.top = `${Math.max(36, below ? top + block.height + 2 : top - card.offsetHeight - 2)}px`;
  }

  private fillTable(scene: SourceScene): void {
    const table = this.table;
    if (table === null) {
      this.hot.replaceChildren();
      return;
    }
    const head = el(
      'tr',
      {},
      ...['Line', 'Hits', 'Share of the file', 'Last hit', 'Source'].map((title) => el('th', { scope: 'col' }, title)),
    );
    const rows = table.hottest(TABLE_LINES).map((line) => {
      const item = table.itemOf(line);
      const text = this.source?.state === 'there' ? (this.source.lines[line - 1]?.trim() ?? '') : '';
      const hits = table.hitsOf(item);
      const cells = [exact(hits), percent(hits / table.heat.total), ago(table, item, scene), text];
      return el('tr', {}, el('th', { scope: 'row' }, String(line)), ...cells.map((cell) => el('td', {}, cell)));
    });
    setChildren(this.hot, [el('caption', {}, 'Hottest lines of this file'), el('thead', {}, head), el('tbody', {}, ...rows)]);
  }
}

function ago(table: LineTable, item: number, scene: SourceScene): string {
  const ms = scene.tick - table.lastTickOf(item);
  return ms < 250 ? 'just now' : `${duration(ms)} ago`;
}
