// views/topbar.ts — the line above all: where one is, how fast it runs, pause, theme, help.
import { el, icon, setHidden, setText } from '../dom';
import { duration, perSecond } from '../format';
import type { Following } from '../follow';
import type { Theme } from '../preferences';
import { HOME, formatRoute } from '../route';
import type { ProgramModel } from '../store';
import { idleMs } from '../trouble';
import type { Program } from '../wire';
import { stateWord, timesOf } from './home';

const PAUSE = 'M4.5 3v10M11.5 3v10';
const PLAY = 'M4 2.5l9 5.5-9 5.5z';
const FOLLOW = 'M8 1.5v3M8 11.5v3M1.5 8h3M11.5 8h3M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6z';
const FIND = 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5L14 14';
const HELP = 'M5.5 5.8a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.7M8 12.4v.2';
const PULSE = 'M1 8.5h3l1.6-4 2.6 7.5 2-5.5 1 2h3.8';
const THEME_ICONS: Readonly<Record<Theme, string>> = {
  auto: 'M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12',
  light: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
  dark: 'M13 9.8A5.8 5.8 0 0 1 6.2 3 5.5 5.5 0 1 0 13 9.8z',
};

export interface TopbarActions {
  readonly pause: () => void;
  readonly follow: () => void;
  readonly theme: () => void;
  readonly palette: () => void;
  readonly help: () => void;
}

export class TopbarView {
  readonly root: HTMLElement;
  private readonly program = el('div', { class: 'crumb', hidden: '' });
  private readonly name = el('h1');
  private readonly state = el('span');
  private readonly about = el('span', { class: 'about' });
  private readonly rate = el('span', { class: 'rate' });
  private readonly pause: HTMLButtonElement;
  private readonly follow: HTMLButtonElement;
  private readonly theme: HTMLButtonElement;

  constructor(actions: TopbarActions) {
    const logo = el('a', { class: 'logo', href: formatRoute(HOME), title: 'All programs (g)' }, icon(PULSE), el('span', {}, 'heartrate'));
    this.program.append(this.name, this.state, this.about);
    this.pause = button('Pause (space)', PAUSE, actions.pause);
    this.follow = button('Follow the running line (f)', FOLLOW, actions.follow);
    this.setFollowing(null);
    const palette = el('button', { type: 'button', class: 'go-to', title: 'Go to anything (Ctrl K)' }, icon(FIND), el('span', {}, 'Go to… '), el('kbd', {}, 'Ctrl K'));
    palette.addEventListener('click', actions.palette);
    this.theme = button('Theme (t)', THEME_ICONS.auto, actions.theme);
    const help = button('Help (?)', HELP, actions.help);
    this.root = el('header', { class: 'topbar' }, logo, this.program, el('span', { class: 'gap' }), this.rate, palette, this.follow, this.pause, this.theme, help);
  }

  setTheme(theme: Theme): void {
    this.theme.replaceChildren(icon(THEME_ICONS[theme]));
    label(this.theme, `Theme: ${theme} (t)`);
  }

  setFollowing(what: Following | null): void {
    this.follow.classList.toggle('on', what !== null);
    this.follow.setAttribute('aria-pressed', String(what !== null));
    label(this.follow, what === 'hottest' ? 'Following the hottest line (F)' : 'Follow the running line (f)');
  }

  setPaused(paused: boolean): void {
    this.pause.replaceChildren(icon(paused ? PLAY : PAUSE));
    this.pause.classList.toggle('on', paused);
    this.pause.setAttribute('aria-pressed', String(paused));
    label(this.pause, paused ? 'Paused: go on (space)' : 'Pause (space)');
  }

  /** At a reader's pace. `wall` is hrview's clock; `recorded`: what is shown is no program but a recording of one. */
  update(program: Program | null, model: ProgramModel | null, now: number, wall: number, recorded: boolean): void {
    setHidden(this.program, program === null);
    setHidden(this.pause, program === null);
    setHidden(this.follow, program === null);
    setHidden(this.rate, model === null || (program?.state !== 'live' && !recorded));
    if (program === null) return;
    setText(this.name, program.name || `pid ${program.pid}`);
    const idle = model === null || recorded ? null : idleMs(program, model, now);
    setText(this.state, recorded ? 'recording' : idle === null ? stateWord(program) : 'idle');
    this.state.className = `pill ${recorded ? 'recording' : idle === null ? program.state : 'idle'}`;
    setText(this.about, `pid ${program.pid} · Python ${program.python} · ${recorded ? `started ${duration(Math.max(0, wall - program.start))} ago` : timesOf(program, wall)}`);
    this.program.title = program.argv.join(' ');
    if (model === null) return;
    const rate = perSecond(model.fileHeat.rateOfAll(now)).replace('/s', '');
    setText(this.rate, idle === null ? `${rate} hits/s` : `no hit for ${duration(idle)}`);
  }
}

function button(name: string, path: string, action: () => void): HTMLButtonElement {
  const made = el('button', { type: 'button', class: 'tool' }, icon(path));
  label(made, name);
  made.addEventListener('click', action);
  return made;
}

function label(element: HTMLElement, name: string): void {
  element.title = name;
  element.setAttribute('aria-label', name);
}
