// views/time.ts — the strip of time with its controls, and the flame graph: what the reader does there, done to the
// timeline, and all of it drawn from the picture of the moment.
import type { Command } from '../commands';
import { el, setHidden } from '../dom';
import type { History } from '../history';
import type { Picture, Time } from '../time';
import type { Charts } from './charts';
import { FlameView } from './flame';
import { MarksView } from './marks';
import { type LineTimes, TimeBar } from './timebar';
import { TimeStrip } from './timestrip';

export interface TimeScene {
  readonly picture: Picture;
  readonly file: number;
  readonly line: number | null; // the one that the URL names
  readonly live: boolean;
  readonly over: boolean; // the program has ended: the newest is its last
  readonly wall: number;
  readonly figures: boolean; // it is time to bring words up to date
}

export class TimeView {
  readonly root: HTMLElement;
  readonly flame = new FlameView();
  readonly marks = new MarksView();
  private readonly strip: TimeStrip;
  private readonly bar: TimeBar;
  private file = -1;
  private line: number | null = null;
  private first: { key: string; times: Omit<LineTimes, 'last'> } | null = null;
  private drawnEdition = -1;

  /** `stacks` is what the flame graph takes the place of. */
  constructor(
    private readonly time: Time,
    private readonly stacks: HTMLElement,
  ) {
    const { timeline } = time;
    this.strip = new TimeStrip({
      seek: (tick) => timeline.seek(tick),
      select: (from, until) => timeline.select(from, until),
      step: (forward) => this.step(forward),
    });
    this.bar = new TimeBar({
        play: () => this.togglePlay(),
        step: (forward) => this.step(forward),
        speed: (speed) => timeline.setSpeed(speed),
        live: () => timeline.goLive(),
        mark: () => this.mark(),
        unmark: (tick) => timeline.unmark(tick),
        compare: () => this.compare(),
        flame: () => this.toggleFlame(),
        span: (from, until) => this.span(from, until),
        seek: (tick) => timeline.seek(tick),
        change: (forward) => this.change(forward),
    });
    this.root = el('section', { class: 'time', 'aria-label': 'Time' }, this.bar.root, this.strip.root);
  }

  restyle(): void {
    this.strip.restyle();
  }

  draw(scene: TimeScene): void {
    const { history, timeline } = this.time;
    setHidden(this.root, history === null);
    if (history === null) return;
    const { picture, live, wall } = scene;
    this.file = scene.file;
    this.line = scene.line;
    const at = timeline.live ? picture.tick : timeline.tick(history);
    this.strip.draw({ history, timeline, files: picture.model.files, recorded: !this.time.follows, at: Math.min(at, history.end), wall });
    if (scene.figures || timeline.playing || this.drawnEdition !== timeline.edition) {
      this.drawnEdition = timeline.edition;
      const newest = this.time.follows && !scene.over ? 'now' : 'the end';
      this.bar.draw({ timeline, at, newest, line: this.lineTimes(history), flame: !this.flame.root.hidden });
    }
    const { from } = timeline.place;
    const until = timeline.live || timeline.playing ? null : at;
    const samples = (): ReturnType<History['samplesBetween']> => history.samplesBetween(from ?? Number.NEGATIVE_INFINITY, timeline.tick(history));
    this.flame.draw(picture.model, `${picture.model.id} ${from} ${until}`, live || timeline.playing, samples, wall);
  }

  /** What the first picture does without has been loaded. */
  use(charts: Charts): void {
    this.strip.use(charts);
    this.flame.use(charts);
  }

  /** What keys and palette can do about time; `can` only while there is any. */
  commands(): Command[] {
    const can = (): boolean => this.time.history !== null;
    const canLine = (): boolean => can() && this.line !== null;
    const { timeline } = this.time;
    const group = 'Time';
    return [
      { group, key: 'k', title: 'Play from this moment on, or stop', run: () => this.togglePlay(), can },
      { group, key: ',', title: 'One frame back', run: () => this.step(false), can },
      { group, key: '.', title: 'One frame on', run: () => this.step(true), can },
      { group, key: '<', title: 'Play slower', run: () => timeline.faster(-1), can },
      { group, key: '>', title: 'Play faster', run: () => timeline.faster(1), can },
      { group, key: 'l', title: 'Back to the newest, with all counts', run: () => timeline.goLive(), can },
      { group, key: 'm', title: 'Mark: see only what is hit from now on', run: () => this.mark(), can },
      { group, key: null, title: 'Compare what was hit after two marks', run: () => this.compare(), can: () => can() && timeline.place.marks.length > 1 },
      { group, key: 'Escape', title: 'All counts again: end the span', run: () => timeline.clearSpan(), can: () => can() && timeline.place.from !== null && document.querySelector('dialog[open]') === null },
      { group, key: '[', title: 'When the chosen line was hit before', run: () => this.change(false), can: canLine },
      { group, key: ']', title: 'When the chosen line is hit next', run: () => this.change(true), can: canLine },
      { group, key: '{', title: 'When the chosen line was hit first', run: () => this.end(true), can: canLine },
      { group, key: '}', title: 'When the chosen line was hit last', run: () => this.end(false), can: canLine },
      { group: 'Look', key: 'v', title: 'Flame graph of the stacks seen, or the stacks', run: () => this.toggleFlame(), can },
    ];
  }

  togglePlay(): void {
    const { history, timeline } = this.time;
    if (history === null) return;
    if (timeline.playing) timeline.pause(history);
    else timeline.play(history, performance.now());
  }

  private step(forward: boolean): void {
    const { history, timeline } = this.time;
    if (history !== null) timeline.step(history, forward);
  }

  private mark(): void {
    const { history, timeline } = this.time;
    if (history !== null) timeline.mark(history);
  }

  private span(from: number | null, until: number | null): void {
    const { timeline } = this.time;
    if (from !== null) timeline.select(from, until !== null && until > from ? until : null);
    else if (until !== null) timeline.seek(until);
    else timeline.clearSpan();
  }

  private change(forward: boolean): void {
    const { history, timeline } = this.time;
    if (history === null || this.line === null) return;
    const at = timeline.tick(history);
    const tick = forward ? history.changeAfter(this.file, this.line, at) : history.changeBefore(this.file, this.line, at);
    if (tick !== null) timeline.seek(tick);
  }

  private end(first: boolean): void {
    const { history, timeline } = this.time;
    const times = history === null ? null : this.lineTimes(history);
    const tick = first ? times?.first : times?.last;
    if (tick != null) timeline.seek(tick);
  }

  private compare(): void {
    const { history, timeline, model } = this.time;
    if (history !== null && model !== null) this.marks.open(history, model, timeline.place.marks, timeline.tick(history));
  }

  private toggleFlame(): void {
    const shows = this.flame.root.hidden;
    this.flame.root.hidden = !shows;
    this.stacks.hidden = shows;
    this.drawnEdition = -1;
  }

  private lineTimes(history: History): LineTimes | null {
    const { file, line } = this;
    if (line === null || file === -1) return null;
    const last = history.changeBefore(file, line, Number.POSITIVE_INFINITY);
    // The first hit moves only when it has not been yet, or when it is forgotten.
    const key = `${file} ${line} ${history.start} ${last === null}`;
    if (this.first?.key !== key) {
      const earlier = history.hitEarlier(file, line);
      const first = history.changeAfter(file, line, Number.NEGATIVE_INFINITY);
      this.first = { key, times: { line, earlier, first } };
    }
    return { ...this.first.times, last };
  }
}
