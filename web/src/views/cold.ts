// views/cold.ts — hides what was not hit: runs of such lines are folded into one row that says how many there are.
import { type Extension, type Range, StateEffect, StateField, type Text } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view';

const SHORTEST = 3; // lines: folding fewer saves nothing

/** Lines to fold, first and last of each run. */
export const setCold = StateEffect.define<readonly (readonly [first: number, last: number])[]>();

/** Runs of at least three lines that `hit` says nothing happened on. */
export function coldRuns(lines: number, hit: (line: number) => boolean): [first: number, last: number][] {
  const runs: [number, number][] = [];
  let first = 1;
  for (let line = 1; line <= lines + 1; line++) {
    if (line <= lines && !hit(line)) continue;
    if (line - first >= SHORTEST) runs.push([first, line - 1]);
    first = line + 1;
  }
  return runs;
}

class FoldedRow extends WidgetType {
  constructor(readonly count: number) {
    super();
  }

  override eq(other: FoldedRow): boolean {
    return other.count === this.count;
  }

  override toDOM(): HTMLElement {
    const row = document.createElement('div');
    row.className = 'cold-row';
    row.textContent = `${this.count} lines not hit`;
    return row;
  }
}

const coldField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects)
      if (effect.is(setCold)) return decorate(transaction.state.doc, effect.value);
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

export const coldLines: Extension = coldField;

function decorate(text: Text, runs: readonly (readonly [number, number])[]): DecorationSet {
  const marks: Range<Decoration>[] = [];
  for (const [first, last] of runs) {
    if (last > text.lines) continue;
    const widget = new FoldedRow(last - first + 1);
    marks.push(Decoration.replace({ widget, block: true }).range(text.line(first).from, text.line(last).to));
  }
  return Decoration.set(marks);
}
