// views/reading.ts — what makes source easier to read: Python's colours, and search. A script of its own (build.mjs), which is
// loaded when the first picture stands: it does without.
import { LRLanguage, syntaxHighlighting } from '@codemirror/language';
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from '@codemirror/search';
import { keymap } from '@codemirror/view';
import { classHighlighter, highlightTree } from '@lezer/highlight';
import { parser } from '@lezer/python';

/** Part of a text up to `to`, and the classes of its colour, "" none. */
export interface Piece {
  readonly to: number;
  readonly look: string;
}

const extensions = [
  LRLanguage.define({ name: 'python', parser }),
  syntaxHighlighting(classHighlighter),
  search({ top: true }),
  highlightSelectionMatches(),
  keymap.of(searchKeymap),
];

/** A line of Python by its colours; what is behind the last piece has none. */
function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  highlightTree(parser.parse(text), classHighlighter, (from, to, look) => {
    if (from > at) found.push({ to: from, look: '' });
    found.push({ to, look });
    at = to;
  });
  return found;
}

export const reading = { extensions, openSearchPanel, pieces };
export type Reading = typeof reading;
