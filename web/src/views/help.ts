// views/help.ts — how to read the picture and what the keys do, from the table of commands; `?` opens it.
import { type Command, COMMAND_GROUPS, keyCaps } from '../commands';
import { el } from '../dom';

export class HelpView {
  readonly root: HTMLDialogElement;

  constructor(commands: readonly Command[]) {
    const close = el('button', { type: 'button', class: 'plain' }, 'Close');
    const reading = el(
      'ul',
      { class: 'reading' },
      el('li', {}, el('b', {}, 'The number'), ' is how often the line was hit, exactly, since the program started.'),
      el('li', {}, el('b', {}, 'The bar: longer'), ' means more of this file’s hits, ', el('b', {}, 'lighter'), ' means more recent. A hot loop is a long bar with a bright core; a line that rests darkens and shrinks.'),
      el('li', {}, el('b', {}, 'A hollow square'), ' is a line that can be hit and never was; its text is pale. No number: nothing to hit there.'),
      el('li', {}, el('b', {}, 'Coloured text'), ' runs right now, one colour a thread, as in the stack below.'),
    );
    const keys = COMMAND_GROUPS.map((group) =>
      el(
        'section',
        {},
        el('h3', {}, group),
        el('dl', { class: 'keys' }, ...commands.filter((command) => command.group === group).flatMap(row)),
      ),
    );
    this.root = el(
      'dialog',
      { class: 'help', 'aria-label': 'Help' },
      el('h2', {}, 'Reading the picture'),
      reading,
      el('h2', {}, 'Keys'),
      el('div', { class: 'key-groups' }, ...keys),
      close,
    );
    close.addEventListener('click', () => this.root.close());
    this.root.addEventListener('click', (event) => {
      if (event.target === this.root) this.root.close(); // the backdrop
    });
  }

  toggle(): void {
    if (this.root.open) this.root.close();
    else {
      this.root.showModal();
      this.root.scrollTop = 0; // the focus goes to the button at its end
    }
  }
}

function row({ key, title }: Command): HTMLElement[] {
  return key === null ? [] : [el('dt', {}, ...keyCaps(key).map((cap) => el('kbd', {}, cap))), el('dd', {}, title)];
}
