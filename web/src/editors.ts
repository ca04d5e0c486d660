// editors.ts — how a file and line are opened in the reader's editor: by a URL whose scheme the editor has registered.

export interface Editor {
  readonly id: string;
  readonly name: string;
  /** `{path}` and `{line}` stand for what is opened. */
  readonly template: string;
}

export const EDITORS: readonly Editor[] = [
  { id: 'vscode', name: 'VS Code', template: 'vscode://file{path}:{line}' },
  { id: 'vscodium', name: 'VSCodium', template: 'vscodium://file{path}:{line}' },
  { id: 'cursor', name: 'Cursor', template: 'cursor://file{path}:{line}' },
  { id: 'zed', name: 'Zed', template: 'zed://file{path}:{line}' },
  { id: 'pycharm', name: 'PyCharm', template: 'pycharm://open?file={path}&line={line}' },
  { id: 'idea', name: 'IntelliJ IDEA', template: 'idea://open?file={path}&line={line}' },
  { id: 'sublime', name: 'Sublime Text', template: 'subl://open?url=file://{path}&line={line}' },
];

export function ownEditor(template: string): Editor {
  return { id: 'own', name: 'your editor', template };
}

/** What is wrong with a template, null nothing. Schemes that a browser runs or loads itself open no editor. */
export function templateTrouble(template: string): string | null {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(template)?.[1]?.toLowerCase();
  if (scheme === undefined) return 'It begins with the scheme that your editor has registered, as vscode://';
  if (/^(javascript|data|vbscript|blob|about|file|filesystem|https?)$/.test(scheme)) return `${scheme}: opens no editor`;
  return template.includes('{path}') ? null : '{path} is missing: it stands for the file';
}

export function editorUrl(editor: Editor, path: string, line: number | null): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return editor.template.replaceAll('{path}', () => encoded).replaceAll('{line}', String(line ?? 1));
}
