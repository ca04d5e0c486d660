// views/filetools.ts — what can be done with the file and line shown: copied as `file:line`, opened in an editor.
import { el, icon, setHidden, setText } from '../dom';
import { type Editor, editorUrl } from '../editors';
import { fileAndLine } from '../paths';
import { loadEditor } from '../preferences';

const COPY = 'M5 1.5h7.5a1 1 0 0 1 1 1V11M3.5 4.5h6a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1z';
const OPEN = 'M9 2.5h4.5V7M13.5 2.5L7.5 8.5M11.5 9.5v3a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1h3';
const SAID_MS = 2000;

export class FileTools {
  readonly root: HTMLElement;
  private readonly link = el('a', { class: 'tool' }, icon(OPEN));
  private readonly said = el('span', { class: 'said', role: 'status' });
  private path = '';
  private line: number | null = null;
  private disk = false;
  private editor = loadEditor();
  private timer = 0;

  constructor() {
    const button = el('button', { type: 'button', class: 'tool', title: 'Copy file:line (y)', 'aria-label': 'Copy file:line (y)' }, icon(COPY));
    button.addEventListener('click', () => this.copy());
    this.root = el('span', { class: 'file-tools' }, button, this.link, this.said);
    this.setEditor(this.editor);
  }

  /** `disk`: the path names a file, which an editor could open. */
  show(path: string, line: number | null, disk: boolean): void {
    if (path === this.path && line === this.line && disk === this.disk) return;
    [this.path, this.line, this.disk] = [path, line, disk];
    this.link.href = editorUrl(this.editor, path, line);
    setHidden(this.link, !disk);
  }

  setEditor(editor: Editor): void {
    this.editor = editor;
    const words = `Open in ${editor.name} (e)`;
    this.link.title = words;
    this.link.setAttribute('aria-label', words);
    this.link.href = editorUrl(editor, this.path, this.line);
  }

  copy(): void {
    void this.put(fileAndLine(this.path, this.line));
  }

  openEditor(): void {
    if (this.disk) this.link.click();
    else this.say('not a file on disk');
  }

  private async put(text: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      this.say('copied');
    } catch {
      this.say('copying is not allowed here'); // pages that are not served from this machine may not
    }
  }

  private say(words: string): void {
    setText(this.said, words);
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => setText(this.said, ''), SAID_MS);
  }
}
