// views/home.ts — all programs as cards, children below their parent; without any, how to start one.
import { inFamilies } from '../choice';
import { el, icon, setChildren, setClass, setHidden, setText } from '../dom';
import { duration, exact, perSecond } from '../format';
import { type Doing, type Pulses } from '../pulses';
import { formatRoute, HOME } from '../route';
import type { Program, ProgramState } from '../wire';
import { Curve } from './curve';

const CURVE_WIDTH = 180;
const CURVE_HEIGHT = 34;

const STATE_WORDS: Readonly<Record<ProgramState, string>> = {
  live: 'live',
  closed: 'ended',
  dead: 'killed',
  unknown: 'unknown',
  corrupt: 'corrupt',
};

export function stateWord(program: Program): string {
  return program.state === 'closed' && program.why === 'stopped' ? 'stopped' : STATE_WORDS[program.state];
}

interface Card {
  readonly item: HTMLElement;
  readonly state: HTMLElement;
  readonly when: HTMLElement;
  readonly doing: HTMLElement;
  readonly rate: HTMLElement;
  readonly curve: Curve;
}

export class HomeView {
  readonly root: HTMLElement;
  private readonly list = el('ul', { class: 'cards' });
  private readonly cards = new Map<string, Card>();
  private readonly empty = emptyState();
  private readonly filter = el('input', { type: 'search', placeholder: 'Filter programs  ( / )', 'aria-label': 'Filter programs', spellcheck: 'false', autocomplete: 'off' });
  private readonly head = el('div', { class: 'home-head' }, el('h1', {}, 'Programs'), this.filter);
  private readonly none = el('p', { class: 'none', role: 'status' });
  private programs: readonly Program[] | null = null;

  constructor() {
    this.root = el('main', { class: 'home', tabindex: '-1' }, this.head, this.list, this.none, this.empty);
    this.filter.addEventListener('input', () => this.sift());
    this.filter.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.filter.value = '';
      if (event.key === 'Escape') this.sift();
      if (event.key === 'Enter') this.list.querySelector<HTMLAnchorElement>('li:not([hidden]) a')?.click();
    });
  }

  focus(): void {
    this.root.focus({ preventScroll: true });
  }

  focusFilter(): void {
    this.filter.focus();
    this.filter.select();
  }

  /** Hides what does not match the filter. */
  private sift(): void {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const program of this.programs ?? []) {
      const text = `${program.name} ${program.pid} ${stateWord(program)} ${program.argv.join(' ')}`.toLowerCase();
      const fits = words.every((word) => text.includes(word));
      const card = this.cards.get(program.id);
      if (card !== undefined) setHidden(card.item, !fits);
      if (fits) shown++;
    }
    setText(this.none, shown === 0 && words.length > 0 ? 'No program matches.' : '');
  }

  setPrograms(programs: readonly Program[] | null): void {
    this.programs = programs;
    const shown = inFamilies(programs ?? []);
    const here = new Set(shown.map(({ program }) => program.id));
    for (const id of this.cards.keys()) if (!here.has(id)) this.cards.delete(id);
    const items = shown.map(({ program, depth }) => {
      const card = this.card(program);
      setText(card.state, stateWord(program));
      card.state.className = `pill ${program.state}`;
      setClass(card.item, 'child', depth > 0);
      setClass(card.item, 'over', program.state !== 'live' && program.state !== 'unknown');
      card.item.style.setProperty('--depth', String(Math.min(depth, 4)));
      return card.item;
    });
    setChildren(this.list, items);
    this.head.hidden = shown.length === 0;
    this.empty.hidden = programs === null || shown.length > 0;
    this.sift();
  }

  setPulses(pulses: Pulses): void {
    for (const program of this.programs ?? []) {
      const card = this.cards.get(program.id);
      if (card === undefined) continue;
      const doing = pulses.of(program.id);
      setText(card.doing, doing === null ? '' : wordsOf(doing, program.state));
      const rate = program.state === 'live' ? doing?.rates.at(-1) : undefined;
      setText(card.rate, rate === undefined ? '' : rate === 0 ? 'idle' : perSecond(rate));
      card.curve.draw(program.state === 'live' ? (doing?.rates ?? []) : []);
    }
  }

  /** Times, at a reader's pace. `wall` is hrview's clock. */
  update(wall: number): void {
    for (const program of this.programs ?? []) {
      const card = this.cards.get(program.id);
      if (card !== undefined) setText(card.when, timesOf(program, wall));
    }
  }

  private card(program: Program): Card {
    const known = this.cards.get(program.id);
    if (known !== undefined) return known;
    const state = el('span');
    const when = el('span', { class: 'when' });
    const doing = el('span', { class: 'doing' });
    const rate = el('span', { class: 'rate' });
    const curve = new Curve(CURVE_WIDTH, CURVE_HEIGHT);
    const href = formatRoute({ ...HOME, program: program.id });
    const link = el(
      'a',
      { href },
      el('span', { class: 'card-head' }, el('b', {}, program.name || `pid ${program.pid}`), state),
      el('code', { title: program.argv.join(' ') }, program.argv.join(' ')),
      el('span', { class: 'card-foot' }, `pid ${program.pid}`, el('span', {}, `Python ${program.python}`), when, doing),
      el('span', { class: 'card-pulse' }, curve.root, rate),
    );
    const card = { item: el('li', {}, link), state, when, doing, rate, curve };
    this.cards.set(program.id, card);
    return card;
  }
}

function wordsOf(doing: Doing, state: ProgramState): string {
  const hits = `${exact(doing.hits)} hits`;
  return state === 'live' ? `${hits} · ${doing.threads} ${doing.threads === 1 ? 'thread' : 'threads'}` : hits;
}

export function timesOf(program: Program, wall: number): string {
  if (program.end !== null)
    return `ran ${duration(Math.max(0, program.end - program.start))}, ended ${duration(Math.max(0, wall - program.end))} ago`;
  const age = duration(Math.max(0, wall - program.start));
  return program.state === 'live' ? `running for ${age}` : `started ${age} ago`;
}

function emptyState(): HTMLElement {
  return el(
    'section',
    { class: 'empty', hidden: '' },
    el('h1', {}, 'No program is being traced'),
    el('p', {}, 'Start one, and it appears here by itself. With your program unchanged:'),
    snippet('python -m heartrate_shm your_script.py'),
    el('p', {}, 'or with two lines in it:'),
    snippet('import heartrate_shm\nheartrate_shm.trace()'),
    el('p', { class: 'small' }, 'Only programs of the same user on this machine are seen.'),
  );
}

function snippet(text: string): HTMLElement {
  const button = el('button', { type: 'button', class: 'copy', title: 'Copy' }, icon(COPY), 'Copy');
  button.addEventListener('click', () => void copy(text, button));
  return el('div', { class: 'snippet' }, el('pre', {}, el('code', {}, text)), button);
}

const COPY = 'M5 1.5h7.5a1 1 0 0 1 1 1V11M3.5 4.5h6a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1z';

async function copy(text: string, button: HTMLButtonElement): Promise<void> {
  const label = button.lastChild as Text;
  try {
    await navigator.clipboard.writeText(text);
    label.data = 'Copied';
  } catch {
    label.data = 'Not allowed here'; // pages that are not served from this machine may not
  }
  setTimeout(() => (label.data = 'Copy'), 1500);
}
