// views/running.ts — marks the expressions that run right now in the text, one colour a thread, and which lines.
import { type Extension, StateEffect, StateField, type Range, type Text } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView } from '@codemirror/view';
import { THREAD_COLOURS, threadClass } from '../colour';
import { utf16Column } from '../columns';
import type { Frame, Thread } from '../wire';

/** A frame that stands in the file shown. */
export interface Running {
  readonly frame: Frame;
  readonly colour: number;
  readonly innermost: boolean; // of its thread: what runs itself, not what waits for a call
}

export function runningIn(
  file: number,
  threads: readonly Thread[],
  colourOf: (thread: number) => number,
): Running[] {
  const found: Running[] = [];
  for (const thread of threads)
    thread.frames.forEach((frame, i) => {
      if (frame.file === file)
        found.push({ frame, colour: colourOf(thread.id) % THREAD_COLOURS, innermost: i === thread.frames.length - 1 });
    });
  return found;
}

export function sameRunning(some: readonly Running[], others: readonly Running[]): boolean {
  const same = ({ frame, colour, innermost }: Running, i: number): boolean =>
    frame === others[i]?.frame && colour === others[i]?.colour && innermost === others[i]?.innermost;
  return some.length === others.length && some.every(same);
}

/** Line → colours of the threads that stand there, without repeats. */
export function runningLines(running: readonly Running[]): Map<number, number[]> {
  const lines = new Map<number, number[]>();
  for (const { frame, colour } of running) {
    const colours = lines.get(frame.line);
    if (colours === undefined) lines.set(frame.line, [colour]);
    else if (!colours.includes(colour)) colours.push(colour);
  }
  return lines;
}

// No expression begins so. What waits in a loop's next() or a with's exit has the whole statement for its place (CPython
// 3.11's FOR_ITER), and its body does not run.
const COMPOUND = /^(async|for|while|with|if|try)\b/;

/** Where a frame's expression stands in a text; the whole statement's line where the interpreter told no columns.
 * null: not in this text at all (it is not the one that runs). */
export function expressionRange(text: Text, frame: Frame): { from: number; to: number } | null {
  if (frame.line < 1 || frame.line > text.lines) return null;
  const first = text.line(frame.line);
  if (frame.col >= 0 && frame.endCol >= 0 && frame.endLine >= frame.line && frame.endLine <= text.lines) {
    const last = text.line(frame.endLine);
    const from = first.from + utf16Column(first.text, frame.col);
    const to = last.from + utf16Column(last.text, frame.endCol);
    if (frame.endLine > frame.line && COMPOUND.test(text.sliceString(from, first.to))) return { from, to: first.from + first.text.trimEnd().length };
    if (to > from) return { from, to };
  }
  const indent = first.text.length - first.text.trimStart().length;
  const end = first.text.trimEnd().length;
  return end > indent ? { from: first.from + indent, to: first.from + end } : null;
}

/** A range line by line, without the indents of all but its first. */
export function withoutIndent(text: Text, range: { from: number; to: number }): { from: number; to: number }[] {
  const parts: { from: number; to: number }[] = [];
  for (let at = range.from; at < range.to; ) {
    const line = text.lineAt(at);
    const indent = at === range.from ? at : line.from + line.text.length - line.text.trimStart().length;
    const to = Math.min(range.to, line.to);
    if (indent < to) parts.push({ from: indent, to });
    at = line.to + 1;
  }
  return parts;
}

export const setRunning = StateEffect.define<readonly Running[]>();

export const runningField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects)
      if (effect.is(setRunning)) return decorate(transaction.state.doc, effect.value);
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** For an editor that is made while they run. */
export function runningFirst(running: readonly Running[]): Extension {
  return runningField.init(({ doc }) => decorate(doc, running));
}

function decorate(text: Text, running: readonly Running[]): DecorationSet {
  const marks: Range<Decoration>[] = [];
  const seen = new Set<string>();
  const innermostFirst = [...running].sort((a, b) => Number(b.innermost) - Number(a.innermost));
  for (const { frame, colour, innermost } of innermostFirst) {
    const range = expressionRange(text, frame);
    if (range === null) continue;
    // A recursive function, or a pool of threads, stands there many times: marks on top of each other would hide the text.
    const key = `${range.from} ${range.to}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const mark = Decoration.mark({ class: `run ${threadClass(colour)}${innermost ? ' run-inner' : ''}` });
    for (const { from, to } of withoutIndent(text, range)) marks.push(mark.range(from, to));
  }
  return Decoration.set(marks, true);
}
