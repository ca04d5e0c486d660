// views/settings.ts — what the page remembers for its reader: colours, and the editor that files are opened in.
import { type Editor, EDITORS, ownEditor, templateTrouble } from '../editors';
import { el, setHidden, setText } from '../dom';
import { type Theme, THEMES } from '../preferences';

const OWN = 'own';

export class SettingsView {
  readonly root: HTMLDialogElement;
  private readonly theme = choices([...THEMES.map((theme) => [theme, theme] as const)]);
  private readonly editor = choices([...EDITORS.map(({ id, name }) => [id, name] as const), [OWN, 'Another, by its URL']]);
  private readonly template = el('input', { type: 'text', spellcheck: 'false', autocomplete: 'off', placeholder: 'emacs://open?url=file://{path}&line={line}' });
  private readonly own = el('label', { class: 'own' }, el('span', {}, 'URL'), this.template);
  private readonly trouble = el('p', { class: 'trouble', role: 'status' });

  constructor(
    setTheme: (theme: Theme) => void,
    private readonly setEditor: (editor: Editor) => void,
  ) {
    const close = el('button', { type: 'button', class: 'plain' }, 'Close');
    this.root = el(
      'dialog',
      { class: 'settings', 'aria-label': 'Settings' },
      el('h2', {}, 'Settings'),
      el('label', {}, el('span', {}, 'Theme'), this.theme),
      el('label', {}, el('span', {}, 'Editor'), this.editor),
      this.own,
      this.trouble,
      el('p', { class: 'small' }, 'Kept in this browser, for this address.'),
      close,
    );
    this.theme.addEventListener('change', () => setTheme(this.theme.value as Theme));
    this.editor.addEventListener('change', () => this.takeEditor());
    this.template.addEventListener('input', () => this.takeEditor());
    close.addEventListener('click', () => this.root.close());
    this.root.addEventListener('click', (event) => {
      if (event.target === this.root) this.root.close(); // the backdrop
    });
  }

  open(theme: Theme, editor: Editor): void {
    this.theme.value = theme;
    const known = EDITORS.includes(editor);
    this.editor.value = known ? editor.id : OWN;
    this.template.value = editor.template;
    this.say();
    this.root.showModal();
  }

  private takeEditor(): void {
    const known = EDITORS.find(({ id }) => id === this.editor.value);
    if (this.say() === null) this.setEditor(known ?? ownEditor(this.template.value));
  }

  /** What is wrong, if anything is. */
  private say(): string | null {
    const own = this.editor.value === OWN;
    const trouble = own ? templateTrouble(this.template.value) : null;
    setHidden(this.own, !own);
    setText(this.trouble, trouble ?? '');
    return trouble;
  }
}

function choices(options: readonly (readonly [value: string, name: string])[]): HTMLSelectElement {
  return el('select', {}, ...options.map(([value, name]) => el('option', { value }, name)));
}
