// app.ts — brings the views together: what the reader can do, and what is drawn in an animation frame of what session.ts
// knows.
import { appCommands, type Command, commandFor } from './commands';
import { el, setClass, setHidden } from './dom';
import { loadEditor, loadTheme, loadTimeColumn, saveEditor, saveTheme, saveTimeColumn, type Theme, THEMES } from './preferences';
import { allChoices, lineChoice } from './choices';
import { type Following, Follower } from './follow';
import { RATES_KEPT } from './pulses';
import { formatRoute, HOME, type Place } from './route';
import type { Session } from './session';
import { type Changes, noChanges, type ProgramModel } from './store';
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
import { applyTheme, darkScreen } from './theme';
import type { Picture } from './time';
import type { Program } from './wire';

const MINUTE_MS = 60_000;
const FIGURES_MS = 250; // how often words and numbers outside the strip are brought up to date
const SCROLLING = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'PageUp', 'PageDown', 'Home', 'End'];

export class App {
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
    source: (model, file) => this.session.sources.get(model.id, file),
    choose: (thread) => this.chooseThread(thread),
  });
  private readonly program: ProgramView;
  private readonly health = new HealthView();
  private readonly shell = el('div', { class: 'shell first' });
  private readonly timeView: TimeView;
  readonly commands: readonly Command[];
  readonly help: HelpView;
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

  private restAsked = false;
  private timeEdition = 0; // of the timeline, as it was last
  private readonly follower = new Follower();
  private theme: Theme = loadTheme();
  private timeColumn = loadTimeColumn();
  private figuresAt = Number.NEGATIVE_INFINITY;
  private readonly lessMotion = matchMedia('(prefers-reduced-motion: reduce)');

  constructor(
    private readonly session: Session,
    cspNonce: string,
  ) {
    const { model, source, file } = session;
    const first = model !== null && source?.state === 'there' ? { model, file, text: source.text } : null;
    this.source = new SourceView(cspNonce, first, (line) => this.chooseLine(line));
    this.timeView = new TimeView(session.time, this.stacks.root);
    this.commands = [...appCommands(this), ...this.timeView.commands()];
    this.help = new HelpView(this.commands);
    this.program = new ProgramView(this.files.root, this.messages.root, this.source.root, this.stacks.root, this.timeView);
    session.moved = (place) => this.move(place);
  }

  start(root: HTMLElement): void {
    this.showPlace();
    this.shell.append(this.topbar.root, this.homeMessages.root, this.home.root, this.program.root, this.health.root);
    root.append(this.shell, this.help.root, this.palette.root, this.settings.root, this.timeView.marks.root);
    addEventListener('keydown', (event) => this.key(event));
    // Who scrolls wants to look at something else.
    this.source.root.addEventListener('wheel', () => this.setFollowing(null), { passive: true });
    this.source.root.addEventListener('touchmove', () => this.setFollowing(null), { passive: true });
    darkScreen.addEventListener('change', () => this.applyTheme());
    this.applyTheme();
    this.topbar.setPaused(false);
    this.move(this.session.place);
    requestAnimationFrame(() => this.frame());
  }

  // Where the reader is.

  get model(): ProgramModel | null {
    return this.session.model;
  }

  get programs(): readonly Program[] {
    return this.session.store.programs ?? [];
  }

  get shownFile(): number {
    return this.session.file;
  }

  private move({ line, file }: Place): void {
    if (line !== null) this.source.goTo(line);
    if (file !== null) this.program.show('source');
  }

  openFile(file: number): void {
    const model = this.model;
    if (model !== null) location.hash = formatRoute(model.placeOf(file, null, this.session.place.thread));
  }

  private chooseLine(line: number): void {
    const model = this.model;
    if (model === null || this.session.file === -1) return;
    this.session.replacePlace(model.placeOf(this.session.file, line, this.session.place.thread));
  }

  /** Shows one thread's stack alone; null, or the same again: all. */
  chooseThread(thread: number | null): void {
    location.hash = formatRoute({ ...this.session.place, thread: thread === this.session.place.thread ? null : thread });
  }

  // What the reader does.

  private key(event: KeyboardEvent): void {
    // The page itself does not scroll: what it is about does, without having been clicked before.
    if (SCROLLING.includes(event.key) && document.activeElement === document.body)
      (this.session.place.program === null ? this.home : this.source).focus();
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
    if (this.session.place.program === null) {
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
    const table = this.model?.table(this.session.file) ?? null;
    if (table === null) return;
    const line = choose(table.hottest(table.lines.length), this.session.place.line ?? 0);
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
    const busiest = this.session.place.program === null && this.follower.on ? this.session.store.busiest() : null;
    if (busiest !== null) location.hash = formatRoute({ ...HOME, program: busiest });
  }

  private setFollowing(what: Following | null): void {
    this.follower.following = what;
    this.topbar.setFollowing(what);
  }

  private follow(model: ProgramModel, now: number, wall: number): void {
    const { thread } = this.session.place;
    const move = this.follower.next(model, { file: this.session.file, thread, sees: (line) => this.source.sees(line) }, now, wall);
    if (move === null) return;
    const place = model.placeOf(move.file, null, thread);
    if (move.file === this.session.file) this.source.goTo(move.line);
    else {
      this.session.slipTo(place); // following leaves no trail to go back through
      this.source.goTo(move.line);
    }
  }

  togglePause(): void {
    const { history, timeline } = this.session.time;
    if (history === null) return;
    if (!this.session.time.follows) this.timeView.togglePlay();
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
    const tone = applyTheme(this.theme);
    this.topbar.setTheme(this.theme);
    this.source.restyle(tone);
    this.files.restyle(tone);
    this.timeView.restyle();
  }

  // What is drawn.

  private frame(): void {
    requestAnimationFrame(() => this.frame());
    const changes = this.session.store.takeChanges();
    if (this.session.turned) Object.assign(changes, everything());
    const wall = performance.now();
    const figures = this.session.turned || wall - this.figuresAt > FIGURES_MS;
    if (figures && !this.session.leaving && this.timeEdition !== this.session.time.timeline.edition) {
      this.timeEdition = this.session.time.timeline.edition;
      if (this.session.place.program !== null) this.session.replacePlace(this.session.place);
    }
    this.session.turned = false;
    if (figures) this.figuresAt = wall;
    this.showPlace();
    if (this.session.place.program === null) this.drawHome(changes, figures);
    else this.drawProgram(changes, figures, wall);
    if (figures) this.health.setLink(this.session.link, this.session.time.frozen);
  }

  /** The list of programs, or one of them. */
  private showPlace(): void {
    const home = this.session.place.program === null;
    setHidden(this.home.root, !home);
    setHidden(this.program.root, home);
  }

  private drawHome(changes: Changes, figures: boolean): void {
    setClass(this.shell, 'first', false);
    if (changes.programs) this.home.setPrograms(this.session.store.programs);
    if (changes.programs || changes.pulses) this.home.setPulses(this.session.store.pulses);
    if (!figures) return;
    const message = linkMessage(this.session.link);
    this.homeMessages.show(message === null ? [] : [message]);
    this.home.update(Date.now() + this.session.store.skew);
    this.topbar.update(null, null, 0, 0, false);
    this.health.update(null, this.session.store.viewing.cost);
    document.title = 'heartrate';
  }

  private drawProgram(changes: Changes, figures: boolean, wall: number): void {
    const program = this.session.store.programOf(this.session.place.program as string);
    const live = program?.state === 'live' && this.session.time.follows;
    const here = this.session.store.model?.id === this.session.place.program;
    const picture = here ? this.session.time.picture(live, this.session.file, this.session.clock.now(), wall) : null;
    if (picture !== null && !this.source.drawn && this.session.file !== -1) {
      // What a reader looks for first does not wait for what stands around it: that comes a frame later.
      this.session.turned = true;
      this.drawSource(picture, changes, wall);
      return;
    }
    setClass(this.shell, 'first', false);
    if (figures) this.drawAround(program, picture?.model ?? null, picture?.now ?? 0);
    if (picture === null) return;
    const { model, now, tick } = picture;
    if (picture.anew) Object.assign(changes, everything());
    if (changes.program || changes.files) this.files.setFiles(model, this.session.place.thread);
    if (changes.program || changes.files) this.files.setCurrent(this.session.file);
    if (figures || picture.anew) this.files.update(now, wall);
    if (picture.turned || changes.files || this.session.sourcesArrived) this.stacks.invalidate();
    this.stacks.update(model, this.session.place.thread, live || this.session.time.frozen, tick, wall);
    if (this.session.file !== -1) this.drawSource(picture, changes, wall);
    const over = program?.state === 'closed' || program?.state === 'dead';
    this.timeView.draw({ picture, file: this.session.file, line: this.session.place.line, live, over, wall, figures });
    this.session.sourcesArrived = false;
    if (figures && !this.restAsked) void this.loadRest();
  }

  /** What the first picture does without. */
  private async loadRest(): Promise<void> {
    this.restAsked = true;
    try {
      const { reading } = await import('./views/reading');
      this.source.use(reading);
      this.stacks.use(reading);
      const { charts } = await import('./views/charts');
      this.timeView.use(charts);
    } catch {
      this.restAsked = false; // hrview has just gone: again later
    }
  }

  private drawSource({ model, now, tick, turned }: Picture, changes: Changes, wall: number): void {
    const { file } = this.session;
    const entry = model.files[file];
    if (entry !== undefined && (changes.program || changes.files || this.session.sourcesArrived))
      this.source.setSource(model, entry, this.session.sources.get(model.id, entry));
    this.source.setTable(model.table(file));
    if (changes.program || turned) this.source.setThreads(model, file);
    this.source.draw({
      model,
      file,
      now,
      tick,
      wall,
      target: this.session.place.line,
      still: this.lessMotion.matches,
      timeColumn: this.timeColumn,
      minuteOf: (line) => this.session.time.history?.ratesOf(file, line, tick - MINUTE_MS, tick, RATES_KEPT) ?? [],
    });
    if (this.follower.on && !this.session.leaving && (this.session.time.timeline.live || this.session.time.timeline.playing)) this.follow(model, now, wall);
  }

  /** What stands around the source: the top line, messages, health, title. */
  private drawAround(program: Program | null, model: ProgramModel | null, now: number): void {
    const link = linkMessage(this.session.link);
    this.homeMessages.show([]);
    const { history, timeline } = this.session.time;
    const atEnd = history !== null && timeline.tick(history) === history.end;
    const recording = this.session.recording === null ? null : recordingMessage(this.session.recording, program, atEnd);
    const past = history === null ? null : pastMessage(timeline.place, history.start);
    this.messages.show([...[link, recording, past].filter((message) => message !== null), ...programMessages(program, model)]);
    this.topbar.update(program, model, now, Date.now() + this.session.store.skew, !this.session.time.follows);
    this.health.update(model, this.session.time.follows ? this.session.store.viewing.cost : null);
    this.program.setStale(link !== null);
    this.program.setNothing(this.session.file === -1 ? this.nothingWords(program, model) : null);
    const name = program?.name ?? '';
    document.title = name === '' ? 'heartrate' : `${name} — heartrate`;
  }

  private nothingWords(program: Program | null, model: ProgramModel | null): string {
    if (this.session.link.state === 'connecting') return 'Connecting…';
    if (program === null && model?.gone === true) return 'There is no such program (any more).';
    if (model === null || program?.state === 'corrupt') return '';
    if (this.session.place.file !== null) return `The program has loaded no file ${this.session.place.file} so far.`;
    return 'The program runs, but none of its files has been traced so far. They appear here by themselves.';
  }
}

function everything(): Changes {
  const changes = noChanges();
  for (const key of Object.keys(changes) as (keyof Changes)[]) changes[key] = true;
  return changes;
}
