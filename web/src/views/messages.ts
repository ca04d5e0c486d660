// views/messages.ts — messages of trouble.ts as a stack of bars; what stays the same is not touched, so that screen
// readers are not told twice.
import { el, icon, setChildren, setText } from '../dom';
import type { Message } from '../trouble';

/** Each trouble has a picture of its own, by its key. */
const ICONS: Readonly<Record<string, string>> = {
  link: 'M2 14l3-3M4 8.5l3.5 3.5a2.5 2.5 0 0 0 3.5-3.5L7.5 5M9 3.5L11 1.5M12 6.5l2-2M2 2l12 12', // a plug pulled out
  refused: 'M5 7V5a3 3 0 0 1 6 0v2M3.5 7h9v7h-9zM8 10v1.5', // a lock
  gone: 'M3 4.5h10M6 4.5V2.5h4v2M4.5 4.5l.7 9.5h5.6l.7-9.5', // a bin
  ended: 'M4 4h8v8H4z', // stop
  dead: 'M8 1.5l6.5 6.5L8 14.5 1.5 8zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4', // a cross
  unknown: 'M2 5l6-3 6 3v6l-6 3-6-3zM2 5l6 3 6-3M8 8v6', // a container
  corrupt: 'M3 2h10v5l-2.5 1.5L8 7 5.5 8.5 3 7zM3 10l2.5 1.5L8 10l2.5 1.5L13 10v4H3z', // torn
  taken: 'M8 5a3.5 3.5 0 0 1 3.5 3.5V11a3.5 3.5 0 0 1-7 0V8.5A3.5 3.5 0 0 1 8 5zM6 5.3a2 2 0 1 1 4 0M4.5 8.5H2M4.5 11l-2 1.5M11.5 8.5H14M11.5 11l2 1.5M8 8v6', // a bug
  source: 'M4 1.5h5l3 3v10H4zM9 1.5v3h3M6 8l4 4M10 8l-4 4', // a page that is not to be had
  changed: 'M4 1.5h5l3 3v10H4zM9 1.5v3h3M6 7.5h4M8 5.5v4M6 12h4', // a page with plus and minus
  untraced: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM2.5 13.5l11-11', // an eye crossed out
};

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
        const picture = ICONS[message.key];
        const words = el('span', {}, title, ' ', text);
        parts = { bar: el('p', { class: `message ${message.severity}` }, ...(picture === undefined ? [] : [icon(picture)]), words), title, text };
        this.bars.set(message.key, parts);
      }
      setText(parts.title, message.title);
      setText(parts.text, message.text);
      return parts.bar;
    });
    setChildren(this.root, shown);
  }
}
