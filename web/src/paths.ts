// paths.ts — where a source file belongs, and how much of its path a reader needs.

export type Group = 'project' | 'site' | 'stdlib' | 'generated';

export const GROUPS: readonly Group[] = ['project', 'generated', 'site', 'stdlib'];

export const GROUP_TITLES: Readonly<Record<Group, string>> = {
  project: 'Project',
  generated: 'Not from files',
  site: 'Installed packages',
  stdlib: 'Standard library',
};

/** Told from the path alone: the page does not know the interpreter's directories. */
export function groupOf(path: string): Group {
  if (/[/](site|dist)-packages[/]/.test(path)) return 'site';
  if (/[/]lib(64)?[/](python|pypy)[0-9][^/]*[/]/.test(path)) return 'stdlib';
  if (path.startsWith('<frozen ')) return 'stdlib';
  return path.startsWith('/') ? 'project' : 'generated';
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path;
}

/** The directory that all the given absolute paths lie in, ended by a slash; "" without any. */
export function commonDirectory(paths: readonly string[]): string {
  let common: string | null = null;
  for (const path of paths) {
    const dir = path.slice(0, path.lastIndexOf('/') + 1);
    if (common === null) common = dir;
    while (!dir.startsWith(common)) common = common.slice(0, common.lastIndexOf('/', common.length - 2) + 1);
  }
  return common ?? '';
}

/** What is worth saying of a file's directory: from the package on in site-packages and the standard library, from
 * the project's directory on otherwise. Ends with a slash, "" when there is nothing to say. */
export function shownDirectory(path: string, group: Group, projectDirectory: string): string {
  const dir = path.slice(0, path.lastIndexOf('/') + 1);
  if (group === 'site') return dir.replace(/^.*[/](site|dist)-packages[/]/, '');
  if (group === 'stdlib') return dir.replace(/^.*[/]lib(64)?[/](python|pypy)[0-9][^/]*[/]/, '');
  if (group === 'generated') return '';
  return dir.startsWith(projectDirectory) ? dir.slice(projectDirectory.length) : dir;
}

/** What compilers print and editors take: `file:line`; the file alone at an instruction that has no line. */
export function fileAndLine(path: string, line: number | null): string {
  return line === null || line < 1 ? path : `${path}:${line}`;
}
