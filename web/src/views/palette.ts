// views/palette.ts — one field from which everything is reached: commands, files, lines, threads, programs.
import { keyCaps } from '../commands';
import { el, setChildren } from '../dom';
import { best } from '../match';

const SHOWN = 12;

export interface Choice {
  readonly kind: string; // what it is, in a word
  readonly title: string;
  readonly detail: string; // what else it is found by
  readonly key: string | null; // the key that does the same
  readonly run: () => void;
}

export class PaletteView {
  readonly root: HTMLDialogElement;
  private readonly input: HTMLInputElement;
  private readonly list = el('ul', { id: 'palette-list', role: 'listbox', 'aria-label': 'Choices' });
  private readonly none = el('p', { class: 'palette-none', role: 'status' });
  private choices: readonly Choice[] = [];
  private shown: readonly Choice[] = [];
  private at = 0;

  /** `collect` gives all there is to choose from; `line` what a number alone means. */
  constructor(
    private readonly collect: () => readonly Choice[],
    private readonly line: (line: number) => Choice | null,
  ) {
    this.input = el('input', {
      type: 'text',
      role: 'combobox',
      'aria-label': 'Command, file, line, thread or program',
      'aria-controls': 'palette-list',
      'aria-expanded': 'true',
      'aria-autocomplete': 'list',
      placeholder: 'Command, file, thread, program, or a line number',
      spellcheck: 'false',
      autocomplete: 'off',
    });
    this.root = el('dialog', { class: 'palette', 'aria-label': 'Go to' }, this.input, this.list, this.none);
    this.input.addEventListener('input', () => this.find());
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.root.addEventListener('click', (event) => {
      if (event.target === this.root) this.root.close(); // the backdrop
    });
  }

  toggle(): void {
    if (this.root.open) {
      this.root.close();
      return;
    }
    this.choices = this.collect();
    this.input.value = '';
    this.root.showModal();
    this.find();
  }

  private find(): void {
    const words = this.input.value;
    const number = /^:?([1-9][0-9]{0,8})$/.exec(words.trim());
    const line = number === null ? null : this.line(Number(number[1]));
    const found = best(words, this.choices, ({ kind, title, detail }) => ({ name: title, rest: `${kind} ${detail}` }), SHOWN);
    this.shown = line === null ? found : [line, ...found].slice(0, SHOWN);
    this.at = 0;
    setChildren(this.list, this.shown.map((choice, i) => this.option(choice, i)));
    this.list.hidden = this.shown.length === 0;
    this.none.textContent = this.shown.length === 0 ? 'Nothing is called so.' : '';
    this.mark();
  }

  private option(choice: Choice, i: number): HTMLElement {
    const caps = choice.key === null ? [] : keyCaps(choice.key).map((cap) => el('kbd', {}, cap));
    const option = el(
      'li',
      { id: `palette-${i}`, role: 'option' },
      el('span', { class: 'kind' }, choice.kind),
      el('span', { class: 'what' }, choice.title, ' ', el('span', { class: 'dir' }, choice.detail)),
      el('span', {}, ...caps),
    );
    option.addEventListener('click', () => this.choose(choice));
    option.addEventListener('pointermove', () => {
      this.at = i;
      this.mark();
    });
    return option;
  }

  private mark(): void {
    [...this.list.children].forEach((option, i) => option.setAttribute('aria-selected', String(i === this.at)));
    if (this.shown.length === 0) this.input.removeAttribute('aria-activedescendant');
    else this.input.setAttribute('aria-activedescendant', `palette-${this.at}`);
    this.list.children[this.at]?.scrollIntoView({ block: 'nearest' });
  }

  private key(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const choice = this.shown[this.at];
    if (step !== 0 && this.shown.length > 0) this.at = (this.at + step + this.shown.length) % this.shown.length;
    else if (event.key === 'Enter' && choice !== undefined) this.choose(choice);
    else return;
    event.preventDefault();
    this.mark();
  }

  private choose(choice: Choice): void {
    this.root.close();
    choice.run();
  }
}
