// app.ts — brings the parts together: where the reader is, what is asked for, what is drawn in an animation frame.
import { onlyProgram } from './choice';
import { Clock } from './clock';
import type { Tone } from './colour';
import { appCommands, commandFor } from './commands';
import { Connection, type Link, type World } from './connection';
import { el } from './dom';
import { loadEditor, loadTheme, loadTimeColumn, saveEditor, saveTheme, saveTimeColumn, type Theme, THEMES } from './preferences';
import { allChoices, lineChoice } from './choices';
import { type Following, Follower } from './follow';
import type { History } from './history';
import { formatRoute, HOME, parseRoute, type Place } from './route';
import { type Loading, loadRecording } from './recording';
import { Sources } from './sources';
import { RATES_KEPT } from './pulses';
import { type Changes, noChanges, type ProgramModel, Store } from './store';
import { linkMessage, pastMessage, programMessages, recordingMessage } from './trouble';
import { FilesView } from './views/files';
import { HealthView } from './views/health';
import { HelpView } from './views/help';
import { HomeView } from './views/home';
import { Messages } from './views/messages';
import { PaletteView } from './views/palette';
import { ProgramView } from './views/program';
import { SettingsView } from './views/settings';
import { SourceView } from './views/source';
import { StacksView } from './views/stacks';
import { TimeView } from './views/time';
import { TopbarView } from './views/topbar';
import { type Picture, Time } from './time';
import { isNow, NOW } from './timeline';
import type { Program } from './wire';

const MINUTE_MS = 60_000;
const FIGURES_MS = 250; // how often words and numbers outside the strip are brought up to date

export class App {
  readonly store = new Store();
  readonly time = new Time(this.store);
  private readonly clock = new Clock();
  private readonly connection: Connection;
  private readonly sources = new Sources(() => (this.sourcesArrived = true));
  private readonly topbar = new TopbarView({
    pause: () => this.togglePause(),
    follow: () => this.toggleFollowing('running'),
    theme: () => this.nextTheme(),
    palette: () => this.palette.toggle(),
    help: () => this.help.toggle(),
  });
  private readonly messages = new Messages();
  private readonly homeMessages = new Messages();
  private readonly home = new HomeView();
  private readonly files = new FilesView((file) => this.openFile(file));
  readonly source: SourceView;
  private readonly stacks = new StacksView({
    source: (model, file) => this.sources.get(model.id, file),
    choose: (thread) => this.chooseThread(thread),
  });
  private readonly program: ProgramView;
  private readonly health = new HealthView();
  private readonly timeView = new TimeView(this.time, this.stacks.root);
  readonly commands = [...appCommands(this), ...this.timeView.commands()];
  readonly help = new HelpView(this.commands);
  readonly palette = new PaletteView(
    () => allChoices(this),
    (line) => lineChoice(this, line),
  );
  private readonly settings = new SettingsView(
    (theme) => this.setTheme(theme),
    (editor) => {
      saveEditor(editor);
      this.source.tools.setEditor(editor);
    },
  );

  private place: Place = HOME;
  private mayChoose = false; // the URL names nothing: the page goes to the only program by itself
  private file = -1; // the one shown, -1 none (yet)
  private link: Link = { state: 'connecting' };
  private recording: Loading | null = null; // null: not asked yet
  private timeEdition = 0; // of the timeline, as it was last
  private readonly follower = new Follower();
  private theme: Theme = loadTheme();
  private timeColumn = loadTimeColumn();
  private sourcesArrived = false;
  private hash = ''; // the URL's, as it was last read or written
  private placed = true; // the place is another than what is drawn
  private figuresAt = Number.NEGATIVE_INFINITY;
  private readonly lessMotion = matchMedia('(prefers-reduced-motion: reduce)');
  private readonly darkScreen = matchMedia('(prefers-color-scheme: dark)');

  constructor(world: World, cspNonce: string) {
    this.source = new SourceView(cspNonce, (line) => this.chooseLine(line));
    this.program = new ProgramView(this.files.root, this.messages.root, this.source.root, this.stacks.root, this.timeView);
    this.connection = new Connection(world, {
      request: () => ({ full: false, program: this.place.program, file: this.file === -1 ? null : this.file }),
      frame: (frame) => {
        this.store.apply(frame, this.clock.now(), Date.now());
        this.settle();
      },
      link: (link) => this.setLink(link),
    });
  }

  start(root: HTMLElement): void {
    root.append(
      el('div', { class: 'shell' }, this.topbar.root, this.homeMessages.root, this.home.root, this.program.root, this.health.root),
      this.help.root,
      this.palette.root,
      this.settings.root,
      this.timeView.marks.root,
    );
    addEventListener('hashchange', () => this.readRoute());
    addEventListener('keydown', (event) => this.key(event));
    // Who scrolls wants to look at something else.
    this.source.root.addEventListener('wheel', () => this.setFollowing(null), { passive: true });
    this.source.root.addEventListener('touchmove', () => this.setFollowing(null), { passive: true });
    this.darkScreen.addEventListener('change', () => this.applyTheme());
    this.applyTheme();
    this.topbar.setPaused(false);
    this.readRoute();
    this.connection.start();
    requestAnimationFrame(() => this.frame());
  }

  // What scripts may ask, see api.ts.

  get model(): ProgramModel | null {
    return this.store.model?.id === this.place.program ? this.time.model : null;
  }

  get shownFile(): number {
    return this.file;
  }

  get linkState(): Link['state'] {
    return this.link.state;
  }

  get isPaused(): boolean {
    return this.time.frozen;
  }

  // Where the reader is.

  private readRoute(): void {
    this.hash = location.hash;
    const place = parseRoute(this.hash);
    this.mayChoose = place === null;
    this.goTo(place ?? HOME);
  }

  private goTo(place: Place): void {
    const before = this.place;
    const { timeline } = this.time;
    if (place.when !== null || place.program !== before.program) timeline.go(place.when ?? NOW);
    this.place = { ...place, when: isNow(timeline.place) ? null : timeline.place };
    if (place.program !== before.program || place.file !== before.file || place.entry !== before.entry) this.file = -1;
    if (place.line !== null) this.source.goTo(place.line);
    if (place.file !== null) this.program.show('source');
    this.placed = true;
    this.settle();
    this.connection.poke();
  }

  openFile(file: number): void {
    const model = this.model;
    if (model !== null) location.hash = formatRoute(model.placeOf(file, null, this.place.thread));
  }

  private chooseLine(line: number): void {
    const model = this.model;
    if (model === null || this.file === -1) return;
    this.replacePlace(model.placeOf(this.file, line, this.place.thread));
  }

  /** The same view, described anew: it leaves no trail to go back through. */
  private replacePlace(place: Place): void {
    const when = this.time.timeline.place;
    this.place = { ...place, when: isNow(when) ? null : when };
    this.writeRoute(this.place);
  }

  private writeRoute(place: Place): void {
    history.replaceState(null, '', formatRoute(place));
    this.hash = location.hash;
  }

  /** The reader has gone to another URL, of which the event is still to come: to write one now would undo it. */
  private get leaving(): boolean {
    return location.hash !== this.hash;
  }

  /** Shows one thread's stack alone; null, or the same again: all. */
  chooseThread(thread: number | null): void {
    location.hash = formatRoute({ ...this.place, thread: thread === this.place.thread ? null : thread });
  }

  /** What the place leaves open is decided as soon as it can be: the only program, the first file. */
  private settle(): void {
    const program = this.mayChoose ? onlyProgram(this.store.programs ?? []) : null;
    if (program !== null) {
      this.mayChoose = false;
      const place = { ...HOME, program: program.id };
      this.writeRoute(place);
      this.goTo(place);
      return;
    }
    const model = this.model;
    if (model === null || this.file !== -1) return;
    const { file, entry } = this.place;
    const caller = this.store.programOf(model.id)?.caller ?? '';
    const found = file === null ? model.firstFile(caller) : model.fileAt(file, entry);
    if (found === -1) return;
    this.file = found;
    this.placed = true;
    this.connection.poke();
  }

  // What the reader does.

  private key(event: KeyboardEvent): void {
    const command = commandFor(event, this.commands);
    if (command === null) return;
    event.preventDefault();
    command.run();
  }

  goHome(): void {
    location.hash = formatRoute(HOME);
  }

  /** The programs at home, elsewhere the files. */
  filter(): void {
    if (this.place.program === null) {
      this.home.focusFilter();
      return;
    }
    this.program.show('files');
    this.files.focusFilter();
  }

  openSettings(): void {
    this.settings.open(this.theme, loadEditor());
  }

  goToHottest(): void {
    this.goToLineOf((lines) => lines[0]);
  }

  goToNext(): void {
    this.goToLineOf((lines, at) => lines.filter((line) => line > at).sort((a, b) => a - b)[0]);
  }

  goToPrevious(): void {
    this.goToLineOf((lines, at) => lines.filter((line) => line < at).sort((a, b) => b - a)[0]);
  }

  /** `choose` gets the lines that were hit, hottest first, and the line of the URL. */
  private goToLineOf(choose: (lines: readonly number[], at: number) => number | undefined): void {
    const table = this.model?.table(this.file) ?? null;
    if (table === null) return;
    const line = choose(table.hottest(table.lines.length), this.place.line ?? 0);
    if (line !== undefined) this.goToLine(line);
  }

  goToLine(line: number): void {
    this.chooseLine(line);
    this.source.goTo(line);
  }

  toggleTimeColumn(): void {
    this.timeColumn = !this.timeColumn;
    saveTimeColumn(this.timeColumn);
  }

  toggleFollowing(what: Following): void {
    this.setFollowing(this.follower.following === what ? null : what);
    const busiest = this.place.program === null && this.follower.on ? this.store.busiest() : null;
    if (busiest !== null) location.hash = formatRoute({ ...HOME, program: busiest });
  }

  private setFollowing(what: Following | null): void {
    this.follower.following = what;
    this.topbar.setFollowing(what);
  }

  private follow(model: ProgramModel, now: number, wall: number): void {
    const { thread } = this.place;
    const move = this.follower.next(model, { file: this.file, thread, sees: (line) => this.source.sees(line) }, now, wall);
    if (move === null) return;
    const place = model.placeOf(move.file, null, thread);
    if (move.file === this.file) this.source.goTo(move.line);
    else {
      this.writeRoute(place); // following leaves no trail to go back through
      this.goTo(place);
      this.source.goTo(move.line);
    }
  }

  togglePause(): void {
    const { history, timeline } = this.time;
    if (history === null) return;
    if (!this.time.follows) this.timeView.togglePlay();
    else if (timeline.live || timeline.playing) timeline.pause(history);
    else timeline.resume();
  }

  nextTheme(): void {
    this.setTheme(THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length] as Theme);
  }

  private setTheme(theme: Theme): void {
    this.theme = theme;
    saveTheme(theme);
    this.applyTheme();
  }

  private applyTheme(): void {
    const dark = this.theme === 'dark' || (this.theme === 'auto' && this.darkScreen.matches);
    const tone: Tone = dark ? 'dark' : 'light';
    document.documentElement.dataset['tone'] = tone;
    this.topbar.setTheme(this.theme);
    this.source.restyle(tone);
    this.files.restyle(tone);
    this.timeView.restyle();
  }

  // What comes in.

  private setLink(link: Link): void {
    if (link.state === this.link.state && !('why' in link)) return;
    if (link.state === 'lost' && this.link.state === 'refused') return; // its next attempts fail the same way
    if (link.state === 'open') {
      this.sources.forgetFailures();
      this.sourcesArrived = true;
      this.askForRecording();
    }
    this.link = link;
    this.clock.run(link.state === 'open');
    this.figuresAt = Number.NEGATIVE_INFINITY;
  }

  private askForRecording(): void {
    if (this.recording !== null) return;
    this.recording = { state: 'none' };
    const begin = (history: History): void => {
      this.store.history = history;
      this.store.keepsHistory = false;
    };
    void loadRecording(begin, (loading) => (this.recording = loading));
  }

  // What is drawn.

  private frame(): void {
    requestAnimationFrame(() => this.frame());
    const changes = this.store.takeChanges();
    if (this.placed) Object.assign(changes, everything());
    const wall = performance.now();
    const figures = this.placed || wall - this.figuresAt > FIGURES_MS;
    if (figures && !this.leaving && this.timeEdition !== this.time.timeline.edition) {
      this.timeEdition = this.time.timeline.edition;
      if (this.place.program !== null) this.replacePlace(this.place);
    }
    this.placed = false;
    if (figures) this.figuresAt = wall;
    if (this.place.program === null) this.drawHome(changes, figures);
    else this.drawProgram(changes, figures, wall);
    if (figures) this.health.setLink(this.link, this.time.frozen);
  }

  private drawHome(changes: Changes, figures: boolean): void {
    this.home.root.hidden = false;
    this.program.root.hidden = true;
    if (changes.programs) this.home.setPrograms(this.store.programs);
    if (changes.programs || changes.pulses) this.home.setPulses(this.store.pulses);
    if (!figures) return;
    const message = linkMessage(this.link);
    this.homeMessages.show(message === null ? [] : [message]);
    this.home.update(Date.now() + this.store.skew);
    this.topbar.update(null, null, 0, 0, false);
    this.health.update(null, this.store.viewing.cost);
    document.title = 'heartrate';
  }

  private drawProgram(changes: Changes, figures: boolean, wall: number): void {
    this.home.root.hidden = true;
    this.program.root.hidden = false;
    const program = this.store.programOf(this.place.program as string);
    const live = program?.state === 'live' && this.time.follows;
    const here = this.store.model?.id === this.place.program;
    const picture = here ? this.time.picture(live, this.file, this.clock.now(), wall) : null;
    if (figures) this.drawAround(program, picture?.model ?? null, picture?.now ?? 0);
    if (picture === null) return;
    const { model, now, tick } = picture;
    if (picture.anew) Object.assign(changes, everything());
    if (changes.program || changes.files) this.files.setFiles(model, this.place.thread);
    if (changes.program || changes.files) this.files.setCurrent(this.file);
    if (figures || picture.anew) this.files.update(now, wall);
    if (picture.turned || changes.files || this.sourcesArrived) this.stacks.invalidate();
    this.stacks.update(model, this.place.thread, live || this.time.frozen, tick, wall);
    if (this.file !== -1) this.drawSource(picture, changes, wall);
    this.timeView.draw({ picture, file: this.file, line: this.place.line, live, wall, figures });
    this.sourcesArrived = false;
  }

  private drawSource({ model, now, tick, turned }: Picture, changes: Changes, wall: number): void {
    const { file } = this;
    const entry = model.files[file];
    if (entry !== undefined && (changes.program || changes.files || this.sourcesArrived))
      this.source.setSource(model, entry, this.sources.get(model.id, entry));
    this.source.setTable(model.table(file));
    if (changes.program || turned) this.source.setThreads(model, file);
    this.source.draw({
      model,
      file,
      now,
      tick,
      wall,
      target: this.place.line,
      still: this.lessMotion.matches,
      timeColumn: this.timeColumn,
      minuteOf: (line) => this.time.history?.ratesOf(file, line, tick - MINUTE_MS, tick, RATES_KEPT) ?? [],
    });
    if (this.follower.on && !this.leaving && (this.time.timeline.live || this.time.timeline.playing)) this.follow(model, now, wall);
  }

  /** What stands around the source: the top line, messages, health, title. */
  private drawAround(program: Program | null, model: ProgramModel | null, now: number): void {
    const link = linkMessage(this.link);
    this.homeMessages.show([]);
    const { history, timeline } = this.time;
    const atEnd = history !== null && timeline.tick(history) === history.end;
    const recording = this.recording === null ? null : recordingMessage(this.recording, program, atEnd);
    const past = history === null ? null : pastMessage(timeline.place, history.start);
    this.messages.show([...[link, recording, past].filter((message) => message !== null), ...programMessages(program, model)]);
    this.topbar.update(program, model, now, Date.now() + this.store.skew, !this.time.follows);
    this.health.update(model, this.time.follows ? this.store.viewing.cost : null);
    this.program.setStale(link !== null);
    this.program.setNothing(this.file === -1 ? this.nothingWords(program, model) : null);
    const name = program?.name ?? '';
    document.title = name === '' ? 'heartrate' : `${name} — heartrate`;
  }

  private nothingWords(program: Program | null, model: ProgramModel | null): string {
    if (this.link.state === 'connecting') return 'Connecting…';
    if (program === null && model?.gone === true) return 'There is no such program (any more).';
    if (model === null || program?.state === 'corrupt') return '';
    if (this.place.file !== null) return `The program has loaded no file ${this.place.file} so far.`;
    return 'The program runs, but none of its files has been traced so far. They appear here by themselves.';
  }
}

function everything(): Changes {
  const changes = noChanges();
  for (const key of Object.keys(changes) as (keyof Changes)[]) changes[key] = true;
  return changes;
}
