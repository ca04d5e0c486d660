// views/editor.ts — CodeMirror as a reader of Python: highlighted, searchable, read-only, with what runs marked in it.
import { LRLanguage, syntaxHighlighting } from '@codemirror/language';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension, type Range, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, keymap, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { parser } from '@lezer/python';
import { coldLines } from './cold';
import { runningField } from './running';

/** Which lines can be hit and never were; asked while the visible lines are decorated. */
export interface LineFacts {
  unhit(line: number): boolean;
}

/** Facts about lines have changed. */
export const factsChanged = StateEffect.define();

/** The line that the URL names, null none. */
export const setTarget = StateEffect.define<number | null>();

const language = new Compartment();
const python = [LRLanguage.define({ name: 'python', parser }), syntaxHighlighting(classHighlighter)];

/** An editor whose text is not highlighted yet: that takes as long as all the rest of making it. */
export function makeEditor(extensions: Extension, text: string): EditorView {
  const view = new EditorView({ state: EditorState.create({ doc: text, extensions: [language.of([]), extensions] }) });
  // The content is not editable and so takes no focus; the scroller does, for the keyboard's sake.
  view.scrollDOM.tabIndex = 0;
  view.scrollDOM.setAttribute('role', 'region');
  view.scrollDOM.setAttribute('aria-label', 'Source with hits');
  return view;
}

/** A new state, not a change of the old one: a change from nothing to 100,000 lines in a view that is hidden makes
 * CodeMirror draw all of them. */
export function replaceText(view: EditorView, extensions: Extension, text: string): void {
  view.setState(EditorState.create({ doc: text, extensions: [language.of(python), extensions] }));
  view.scrollDOM.scrollTo(0, 0);
}

/** What the first text still lacks; those that replace it have it from the start. */
export function highlight(view: EditorView): void {
  if (language.get(view.state) !== python) view.dispatch({ effects: language.reconfigure(python) });
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
    search({ top: true }),
    highlightSelectionMatches(),
    keymap.of(searchKeymap),
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
