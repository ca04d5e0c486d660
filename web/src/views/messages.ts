// views/messages.ts — messages of trouble.ts as a stack of bars; what stays the same is not touched, so that screen
// readers are not told twice.
import { el, setChildren, setText } from '../dom';
import type { Message } from '../trouble';

export class Messages {
  readonly root = el('div', { class: 'messages', role: 'status' });
  private readonly bars = new Map<string, { bar: HTMLElement; title: HTMLElement; text: HTMLElement }>();

  show(messages: readonly Message[]): void {
    const keys = new Set(messages.map((message) => message.key));
    for (const key of this.bars.keys()) if (!keys.has(key)) this.bars.delete(key);
    const shown = messages.map((message) => {
      let parts = this.bars.get(message.key);
      if (parts === undefined) {
        const title = el('strong');
        const text = el('span');
        parts = { bar: el('p', { class: `message ${message.severity}` }, title, ' ', text), title, text };
        this.bars.set(message.key, parts);
      }
      setText(parts.title, message.title);
      setText(parts.text, message.text);
      return parts.bar;
    });
    setChildren(this.root, shown);
  }
}
