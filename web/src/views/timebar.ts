// views/timebar.ts — the controls above the time strip: play, step, speed, live; from when to when hits count; marks;
// when the line that the URL names was hit first and last.
import { el, icon, setHidden, setText } from '../dom';
import { clockTime, SPEEDS, type Timeline } from '../timeline';

const ICONS = {
  play: 'M4.5 2.5l8.5 5.5-8.5 5.5z',
  pause: 'M5 3v10M11 3v10',
  back: 'M4 3v10M12.5 3.5L6.5 8l6 4.5z',
  forward: 'M12 3v10M3.5 3.5L9.5 8l-6 4.5z',
  mark: 'M4 14V2h8l-2.2 3L12 8H4',
  unmark: 'M4 14V2h8l-2.2 3L12 8H4M1.5 13L14 2.5',
  flame: 'M2 13h12M3.5 9.5h9M5.5 6h5M7 2.5h2',
  cross: 'M4 4l8 8M12 4l-8 8',
} as const;

export interface TimeActions {
  play(): void;
  step(forward: boolean): void;
  speed(speed: number): void;
  live(): void;
  mark(): void;
  unmark(tick: number): void;
  compare(): void;
  flame(): void;
  span(from: number | null, until: number | null): void;
  seek(tick: number): void;
  change(forward: boolean): void;
}

export interface BarScene {
  readonly timeline: Timeline;
  readonly at: number;
  readonly newest: string; // what the end of time is called: now, end
  readonly line: LineTimes | null; // of the line that the URL names
  readonly flame: boolean;
}

/** When a line was hit, as far as it is known. */
export interface LineTimes {
  readonly line: number;
  readonly first: number | null;
  readonly earlier: boolean; // than the history begins
  readonly last: number | null;
}

export class TimeBar {
  readonly root: HTMLElement;
  private readonly play: HTMLButtonElement;
  private readonly speed = el('select', { 'aria-label': 'Speed', title: 'Speed of playing ( < > )' });
  private readonly live: HTMLButtonElement;
  private readonly moment = el('span', { class: 'time-moment' });
  private readonly from = el('select', { 'aria-label': 'Hits from', title: 'Only what was hit after this moment counts' });
  private readonly until = el('select', { 'aria-label': 'Hits to', title: 'Only what was hit up to this moment counts' });
  private readonly span: HTMLElement;
  private readonly clear: HTMLButtonElement;
  private readonly unmark: HTMLButtonElement;
  private readonly compare: HTMLButtonElement;
  private readonly flame: HTMLButtonElement;
  private readonly lineGroup = el('span', { class: 'time-group', hidden: '' });
  private readonly lineName = el('span');
  private readonly first: HTMLButtonElement;
  private readonly last: HTMLButtonElement;
  private drawn = '';
  private playing: boolean | null = null;
  private times: LineTimes | null = null;

  constructor(actions: TimeActions) {
    this.play = tool('Play (k)', ICONS.play, () => actions.play());
    const back = tool('One frame back ( , )', ICONS.back, () => actions.step(false));
    const forward = tool('One frame on ( . )', ICONS.forward, () => actions.step(true));
    this.speed.append(...SPEEDS.map((speed) => el('option', { value: String(speed) }, `${speed}×`)));
    this.speed.addEventListener('change', () => actions.speed(Number(this.speed.value)));
    this.live = word('Live', 'Back to the newest, with all counts (l)', () => actions.live());
    this.live.classList.add('live');
    const choose = (): void => actions.span(ticks(this.from.value), ticks(this.until.value));
    this.from.addEventListener('change', choose);
    this.until.addEventListener('change', choose);
    this.clear = tool('All counts again (Esc)', ICONS.cross, () => actions.span(null, null));
    this.span = el('span', { class: 'time-group' }, el('label', {}, 'Hits from', this.from), el('label', {}, 'to', this.until), this.clear);
    const mark = word('Mark', 'Mark this moment: see only what is hit from now on (m)', () => actions.mark());
    mark.prepend(icon(ICONS.mark));
    this.unmark = tool('Forget the mark that hits are counted from', ICONS.unmark, () => {
      const tick = ticks(this.from.value);
      if (tick !== null) actions.unmark(tick);
    });
    this.compare = word('Compare', 'What was hit after one mark, and after another', () => actions.compare());
    this.flame = word('Flame graph', 'Flame graph of the stacks seen, instead of the stacks (v)', () => actions.flame());
    this.flame.prepend(icon(ICONS.flame));
    this.first = word('', 'Go to the line’s first hit ( { )', () => this.times?.first != null && actions.seek(this.times.first));
    this.last = word('', 'Go to the line’s last hit ( } )', () => this.times?.last != null && actions.seek(this.times.last));
    this.lineGroup.append(
      this.lineName,
      this.first,
      tool('When the line was hit before ( [ )', ICONS.back, () => actions.change(false)),
      tool('When the line is hit next ( ] )', ICONS.forward, () => actions.change(true)),
      this.last,
    );
    this.root = el(
      'div',
      { class: 'time-bar', role: 'group', 'aria-label': 'Time' },
      back, this.play, forward, this.speed, this.live, this.moment, this.span, mark, this.unmark, this.compare, this.lineGroup,
      el('span', { class: 'gap' }), this.flame,
    );
  }

  draw({ timeline, at, newest, line, flame }: BarScene): void {
    const { place } = timeline;
    if (this.playing !== timeline.playing) {
      this.playing = timeline.playing;
      this.play.replaceChildren(icon(timeline.playing ? ICONS.pause : ICONS.play));
      describe(this.play, timeline.playing ? 'Stop playing (k)' : 'Play (k)');
    }
    if (this.speed.value !== String(timeline.speed)) this.speed.value = String(timeline.speed);
    this.live.setAttribute('aria-pressed', String(timeline.live && place.from === null));
    setText(this.live, newest === 'now' ? 'Live' : 'End');
    setText(this.moment, clockTime(at));
    this.showSpan(timeline, newest);
    setHidden(this.unmark, place.from === null || !place.marks.includes(place.from));
    setHidden(this.compare, place.marks.length < 2);
    this.flame.setAttribute('aria-pressed', String(flame));
    this.times = line;
    setHidden(this.lineGroup, line === null);
    if (line !== null) this.showLine(line);
  }

  private showSpan({ place }: Timeline, newest: string): void {
    const { from, until, marks } = place;
    const key = `${newest} ${from} ${until} ${marks.join()}`;
    if (key === this.drawn) return;
    this.drawn = key;
    const moments = (chosen: number | null, after: number | null): HTMLOptionElement[] => {
      const known = marks.filter((mark) => after === null || mark > after).map((mark) => ({ mark, name: `mark ${marks.indexOf(mark) + 1} · ${clockTime(mark)}` }));
      if (chosen !== null && !known.some(({ mark }) => mark === chosen)) known.push({ mark: chosen, name: clockTime(chosen) });
      return known.sort((a, b) => a.mark - b.mark).map(({ mark, name }) => el('option', { value: String(mark) }, name));
    };
    this.from.replaceChildren(el('option', { value: '' }, 'the beginning'), ...moments(from, null));
    this.until.replaceChildren(el('option', { value: '' }, newest), ...moments(until, from));
    this.from.value = from === null ? '' : String(from);
    this.until.value = until === null ? '' : String(until);
    this.span.classList.toggle('set', from !== null);
    setHidden(this.clear, from === null);
    setHidden(this.until.parentElement as HTMLElement, from === null && marks.length === 0);
  }

  private showLine({ line, first, earlier, last }: LineTimes): void {
    setText(this.lineName, `Line ${line}`);
    this.first.disabled = first === null;
    this.last.disabled = last === null;
    setText(this.first, first === null ? (earlier ? 'before this page' : 'never hit') : `first ${earlier ? 'before ' : ''}${clockTime(first)}`);
    setText(this.last, last === null ? '' : `last ${clockTime(last)}`);
    setHidden(this.last, last === null);
  }
}

function ticks(value: string): number | null {
  return value === '' ? null : Number(value);
}

function tool(name: string, path: string, action: () => void): HTMLButtonElement {
  const made = el('button', { type: 'button', class: 'tool' }, icon(path));
  describe(made, name);
  made.addEventListener('click', action);
  return made;
}

function word(name: string, title: string, action: () => void): HTMLButtonElement {
  const made = el('button', { type: 'button', class: 'word', title }, name);
  made.addEventListener('click', action);
  return made;
}

function describe(element: HTMLElement, name: string): void {
  element.title = name;
  element.setAttribute('aria-label', name);
}
