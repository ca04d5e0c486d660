// views/statement.ts — one statement of a stack frame as HTML: in Python's colours, the running expression marked in it.
import { utf16Column } from '../columns';
import { el } from '../dom';
import type { Frame } from '../wire';
import type { Piece } from './reading';

/** The statement's first line from where it begins, and where in it the running expression stands. */
export function statementOf(lines: readonly string[], frame: Frame): { text: string; from: number; to: number } | null {
  const line = lines[frame.line - 1];
  if (line === undefined) return null;
  const indent = line.length - line.trimStart().length;
  const text = line.trim();
  if (frame.col < 0 || frame.endCol < 0) return { text, from: 0, to: 0 };
  const from = Math.max(0, utf16Column(line, frame.col) - indent);
  const end = frame.endLine === frame.line ? utf16Column(line, frame.endCol) - indent : text.length;
  const to = Math.min(text.length, end);
  // A frame whose whole statement runs has nothing to point out.
  return from >= to || (from === 0 && to === text.length) ? { text, from: 0, to: 0 } : { text, from, to };
}

/** `pieces`: its colours. */
export function renderStatement(text: string, from: number, to: number, pieces: readonly Piece[]): DocumentFragment {
  const out = document.createDocumentFragment();
  const mark = el('mark', { class: 'run' });
  let at = 0;
  const put = (until: number, look: string): void => {
    for (const edge of [Math.min(Math.max(from, at), until), Math.min(Math.max(to, at), until), until]) {
      if (edge <= at) continue;
      const piece = text.slice(at, edge);
      const into = at >= from && at < to ? mark : out;
      if (into === mark && mark.parentNode === null) out.append(mark);
      into.append(look === '' ? piece : el('span', { class: look }, piece));
      at = edge;
    }
  };
  for (const piece of pieces) put(piece.to, piece.look);
  put(text.length, '');
  return out;
}
