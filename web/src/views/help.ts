// views/help.ts — what the keys do and how to read the picture; `?` opens it.
import { el } from '../dom';

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ['?', 'this help'],
  ['/', 'filter the files'],
  ['Space', 'pause: freeze counts, bars and stacks; again: go on'],
  ['h', 'go to the hottest line of the file'],
  ['n  p', 'next, previous line that was hit'],
  ['f', 'follow the running line; scrolling ends it'],
  ['c', 'hide what was not hit, show it again'],
  ['s', 'share of time by line: an estimate from stack samples'],
  ['y', 'copy file:line of the line in the URL (a click beside a line chooses it)'],
  ['e', 'open that line in VS Code'],
  ['Ctrl F', 'search in the source'],
  ['g', 'all programs'],
  ['t', 'theme: auto, light, dark'],
  ['Esc', 'close what is open'],
];

export class HelpView {
  readonly root: HTMLDialogElement;

  constructor() {
    const close = el('button', { type: 'button', class: 'plain' }, 'Close');
    const reading = el(
      'ul',
      { class: 'reading' },
      el('li', {}, el('b', {}, 'The number'), ' is how often the line was hit, exactly, since the program started.'),
      el('li', {}, el('b', {}, 'The bar: longer'), ' means more of this file’s hits, ', el('b', {}, 'lighter'), ' means more recent. A hot loop is a long bar with a bright core; a line that rests darkens and shrinks.'),
      el('li', {}, el('b', {}, 'A hollow square'), ' is a line that can be hit and never was; its text is pale. No number: nothing to hit there.'),
      el('li', {}, el('b', {}, 'Coloured text'), ' runs right now, one colour a thread, as in the stack below.'),
    );
    const keys = el(
      'dl',
      { class: 'keys' },
      ...KEYS.flatMap(([key, what]) => [
        el('dt', {}, ...key.split('  ').map((k) => el('kbd', {}, k))),
        el('dd', {}, what),
      ]),
    );
    this.root = el(
      'dialog',
      { class: 'help', 'aria-label': 'Help' },
      el('h2', {}, 'Reading the picture'),
      reading,
      el('h2', {}, 'Keys'),
      keys,
      close,
    );
    close.addEventListener('click', () => this.root.close());
    this.root.addEventListener('click', (event) => {
      if (event.target === this.root) this.root.close(); // the backdrop
    });
  }

  toggle(): void {
    if (this.root.open) this.root.close();
    else this.root.showModal();
  }
}
