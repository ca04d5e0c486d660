// views/editor.ts — CodeMirror as a reader of source: read-only, with what runs marked in it. Its text is there before reading.ts
// is, which colours it and searches in it.
import { Compartment, EditorState, type Extension, type Range, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, highlightSpecialChars, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { coldLines } from './cold';
import { type Running, runningFirst, runningField } from './running';

/** Which lines can be hit and never were; asked while the visible lines are decorated. */
export interface LineFacts {
  unhit(line: number): boolean;
}

/** Facts about lines have changed. */
export const factsChanged = StateEffect.define();

/** The line that the URL names, null none. */
export const setTarget = StateEffect.define<number | null>();

/** They change the writing direction, so that code looks other than it is (CVE-2021-42574). */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

const later = new Compartment();

/** An editor without what comes later: that takes as long as all the rest of making it. */
export function makeEditor(extensions: Extension, text: string, running: readonly Running[]): EditorView {
  const view = new EditorView({ state: EditorState.create({ doc: text, extensions: [later.of([]), runningFirst(running), extensions] }) });
  // The content is not editable and so takes no focus; the scroller does, for the keyboard's sake.
  view.scrollDOM.tabIndex = 0;
  view.scrollDOM.setAttribute('role', 'region');
  view.scrollDOM.setAttribute('aria-label', 'Source with hits');
  return view;
}

/** A new state, not a change of the old one: a change from nothing to 100,000 lines in a view that is hidden makes
 * CodeMirror draw all of them. */
export function replaceText(view: EditorView, extensions: Extension, text: string): void {
  view.setState(EditorState.create({ doc: text, extensions: [later.of(later.get(view.state) ?? []), extensions] }));
  view.scrollDOM.scrollTo(0, 0);
}

/** Adds what comes later. */
export function extend(view: EditorView, extensions: Extension): void {
  view.dispatch({ effects: later.reconfigure(extensions) });
}

export function scrollToLine(view: EditorView, line: number): void {
  if (line < 1 || line > view.state.doc.lines) return;
  view.dispatch({ effects: EditorView.scrollIntoView(view.state.doc.line(line).from, { y: 'center', x: 'start' }) });
}

/** What an editor is made of; `leftMargin` is the width that the strip covers. */
export function editorExtensions(facts: LineFacts, leftMargin: () => number, cspNonce: string): Extension {
  return [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ 'aria-label': 'Source', 'aria-readonly': 'true' }),
    EditorView.cspNonce.of(cspNonce),
    EditorView.scrollMargins.of(() => ({ left: leftMargin() })),
    EditorState.tabSize.of(8),
    highlightSpecialChars({ specialChars: TURNS }),
    coldLines,
    targetField,
    runningField,
    unhitLines(facts),
  ];
}

const targetLine = Decoration.line({ class: 'line-target' });

const targetField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(setTarget)) continue;
      const line = effect.value;
      const text = transaction.state.doc;
      return line === null || line < 1 || line > text.lines
        ? Decoration.none
        : Decoration.set(targetLine.range(text.line(line).from));
    }
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const unhitLine = Decoration.line({ class: 'line-unhit' });

/** Dims lines that can be hit and never were, so that the code that ran stands out. Only what is visible is looked at. */
function unhitLines(facts: LineFacts): Extension {
  return ViewPlugin.fromClass(
    class {
      decorations: DecorationSet;

      constructor(view: EditorView) {
        this.decorations = decorateUnhit(view, facts);
      }

      update(update: ViewUpdate): void {
        const told = update.transactions.some((t) => t.effects.some((e) => e.is(factsChanged)));
        if (told || update.docChanged || update.viewportChanged) this.decorations = decorateUnhit(update.view, facts);
      }
    },
    { decorations: (plugin) => plugin.decorations },
  );
}

function decorateUnhit(view: EditorView, facts: LineFacts): DecorationSet {
  const marks: Range<Decoration>[] = [];
  for (const { from, to } of view.visibleRanges)
    for (let at = from; at <= to; ) {
      const line = view.state.doc.lineAt(at);
      if (facts.unhit(line.number)) marks.push(unhitLine.range(line.from));
      at = line.to + 1;
    }
  return Decoration.set(marks);
}
