// session.ts — what the page is about, before anything is drawn: where the reader is, what hrview is asked for, what has
// come of it. It knows no view.
import { Clock } from './clock';
import { Connection, type Link, type World } from './connection';
import type { History } from './history';
import { type Loading, loadRecording } from './recording';
import { formatRoute, HOME, leavesOpen, parseRoute, type Place } from './route';
import { type Source, Sources } from './sources';
import { type ProgramModel, Store } from './store';
import { Time } from './time';
import { isNow, NOW } from './timeline';

export class Session {
  readonly store = new Store();
  readonly time = new Time(this.store);
  readonly clock = new Clock();
  readonly sources = new Sources(() => {
    this.sourcesArrived = true;
    this.completed();
  });
  place: Place = HOME;
  file = -1; // the one shown, -1 none (yet)
  link: Link = { state: 'connecting' };
  recording: Loading | null = null; // null: hrview shows programs as they run, as far as it has said
  sourcesArrived = false; // since views were last brought up to date
  turned = true; // place or link are others than what is drawn
  /** Told of each place that the reader goes to. */
  moved: (place: Place) => void = () => undefined;
  /** All that the first picture shows has come, as far as it comes at all. */
  readonly complete: Promise<void>;
  private completed: () => void = () => undefined;
  private readonly connection: Connection;
  private mayChoose = false; // the URL names nothing: hrview names the only program, and the page goes there
  private hash = ''; // the URL's, as it was last read or written

  constructor(world: World) {
    this.complete = new Promise((resolve) => (this.completed = resolve));
    this.connection = new Connection(world, {
      request: () => ({
        full: false,
        lead: leavesOpen(this.mayChoose ? null : this.place),
        program: this.place.program,
        file: this.file === -1 ? null : this.file,
      }),
      frame: (frame, asked) => {
        this.store.apply(frame, this.clock.now(), Date.now());
        if (frame.recording) this.loadRecording();
        const { program } = frame;
        if (program !== null && program.source !== null) this.sources.take(program.id, program.source);
        if (this.mayChoose && asked.program === null && program !== null) this.choose(program.id);
        this.settle();
      },
      link: (link) => this.setLink(link),
    });
  }

  start(): void {
    addEventListener('hashchange', () => this.readRoute());
    this.readRoute();
    this.connection.start();
  }

  /** Of the program that the reader is at, as it was drawn last. */
  get model(): ProgramModel | null {
    return this.store.model?.id === this.place.program ? this.time.model : null;
  }

  /** Of the file shown, null while there is none. */
  get source(): Source | null {
    const { model } = this;
    const shown = model?.files[this.file];
    return model === null || shown === undefined ? null : this.sources.get(model.id, shown);
  }

  /** The reader has gone to another URL, of which the event is still to come: to write one now would undo it. */
  get leaving(): boolean {
    return location.hash !== this.hash;
  }

  goTo(place: Place): void {
    const before = this.place;
    const { timeline } = this.time;
    if (place.when !== null || place.program !== before.program) timeline.go(place.when ?? NOW);
    this.place = { ...place, when: isNow(timeline.place) ? null : timeline.place };
    if (place.program !== before.program || place.file !== before.file || place.entry !== before.entry) this.file = -1;
    this.moved(place);
    this.turned = true;
    this.settle();
    this.connection.poke();
  }

  /** Goes there without leaving a trail to go back through. */
  slipTo(place: Place): void {
    this.writeRoute(place);
    this.goTo(place);
  }

  /** The same view, described anew: it leaves no trail either. */
  replacePlace(place: Place): void {
    const when = this.time.timeline.place;
    this.place = { ...place, when: isNow(when) ? null : when };
    this.writeRoute(this.place);
  }

  private readRoute(): void {
    this.hash = location.hash;
    const place = parseRoute(this.hash);
    this.mayChoose = place === null;
    this.goTo(place ?? HOME);
  }

  private writeRoute(place: Place): void {
    history.replaceState(null, '', formatRoute(place));
    this.hash = location.hash;
  }

  /** hrview has said which is the only program. */
  private choose(program: string): void {
    this.mayChoose = false;
    this.replacePlace({ ...HOME, program });
    this.turned = true;
  }

  /** Which file is shown is decided as soon as it can be. */
  private settle(): void {
    const model = this.model;
    if (this.place.program === null && this.store.programs !== null) this.completed();
    if (model === null || this.file !== -1) return;
    const { file, entry } = this.place;
    const caller = this.store.programOf(model.id)?.caller ?? '';
    const found = file === null ? model.firstFile(caller) : model.fileAt(file, entry);
    const shown = model.files[found];
    if (shown === undefined) {
      this.completed();
      return;
    }
    this.file = found;
    this.turned = true;
    if (this.source?.state !== 'loading') this.completed(); // on its way before a view asks for it
  }

  private setLink(link: Link): void {
    if (link.state === this.link.state && !('why' in link)) return;
    if (link.state === 'lost' && this.link.state === 'refused') return; // its next attempts fail the same way
    if (link.state === 'open') {
      this.sources.forgetFailures();
      this.sourcesArrived = true;
    }
    this.link = link;
    if (link.state !== 'open') this.completed();
    this.clock.run(link.state === 'open');
    this.turned = true;
  }

  private loadRecording(): void {
    if (this.recording !== null) return;
    this.recording = { state: 'loading', share: 0, torn: false };
    const begin = (history: History): void => {
      this.store.history = history;
      this.store.keepsHistory = false;
    };
    void loadRecording(begin, (loading) => (this.recording = loading));
  }
}
