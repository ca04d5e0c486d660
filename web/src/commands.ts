// commands.ts — everything that a reader can do, in one table: keys, help and palette are made from it.
import type { App } from './app';

export type CommandGroup = 'Go' | 'Look' | 'Time' | 'Line' | 'Page';
export const COMMAND_GROUPS: readonly CommandGroup[] = ['Go', 'Look', 'Time', 'Line', 'Page'];

export interface Command {
  readonly group: CommandGroup;
  /** `KeyboardEvent.key`, after `Ctrl+` when Ctrl or ⌘ is held; null: by the palette alone. */
  readonly key: string | null;
  readonly title: string;
  readonly run: () => void;
  /** Whether there is anything to do it with; always, when absent. */
  readonly can?: () => boolean;
}

export function appCommands(app: App): Command[] {
  const withProgram = (): boolean => app.model !== null;
  const withFile = (): boolean => app.shownFile !== -1;
  return [
    { group: 'Go', key: 'Ctrl+k', title: 'Go to anything: a command, file, line, thread, program', run: () => app.palette.toggle() },
    { group: 'Go', key: 'g', title: 'All programs', run: () => app.goHome() },
    { group: 'Go', key: '/', title: 'Filter files, or programs', run: () => app.filter() },
    { group: 'Go', key: 'h', title: 'Go to the hottest line of the file', run: () => app.goToHottest(), can: withFile },
    { group: 'Go', key: 'n', title: 'Next line that was hit', run: () => app.goToNext(), can: withFile },
    { group: 'Go', key: 'p', title: 'Previous line that was hit', run: () => app.goToPrevious(), can: withFile },
    { group: 'Go', key: 'f', title: 'Follow the running line; scrolling ends it', run: () => app.toggleFollowing('running'), can: withProgram },
    { group: 'Go', key: 'F', title: 'Follow the hottest line, from program to program', run: () => app.toggleFollowing('hottest') },
    { group: 'Look', key: 'c', title: 'Hide what was not hit, show it again', run: () => app.source.toggleCold(), can: withFile },
    { group: 'Look', key: 's', title: 'Share of time by line: an estimate from stack samples', run: () => app.toggleTimeColumn(), can: withFile },
    { group: 'Look', key: 'Ctrl+f', title: 'Search in the source', run: () => app.source.search(), can: withFile },
    { group: 'Time', key: ' ', title: 'Pause: freeze counts, bars and stacks; again: go on', run: () => app.togglePause(), can: withProgram },
    { group: 'Line', key: 'i', title: 'All about the line chosen: rate, share, last minute', run: () => app.source.toggleCard(), can: withFile },
    { group: 'Line', key: 'y', title: 'Copy file:line of the line chosen (a click beside a line chooses it)', run: () => app.source.tools.copy(), can: withFile },
    { group: 'Line', key: 'e', title: 'Open that line in your editor', run: () => app.source.tools.openEditor(), can: withFile },
    { group: 'Page', key: 't', title: 'Theme: auto, light, dark', run: () => app.nextTheme() },
    { group: 'Page', key: 'Ctrl+,', title: 'Settings: theme, editor', run: () => app.openSettings() },
    { group: 'Page', key: '?', title: 'Help', run: () => app.help.toggle() },
  ];
}

/** The command that a key press asks for, null none: the key is somebody else's, or there is nothing to do it with. */
export function commandFor(event: KeyboardEvent, commands: readonly Command[]): Command | null {
  if (event.defaultPrevented || event.altKey) return null;
  const held = event.ctrlKey || event.metaKey;
  const { target } = event;
  if (!held && target instanceof HTMLElement && target.closest('input:not([type=range]), select, textarea') !== null) return null;
  const onButton = target instanceof HTMLElement && target.closest('button, a, summary, [role=separator]') !== null;
  if (event.key === ' ' && onButton) return null;
  const key = held ? `Ctrl+${event.key.toLowerCase()}` : event.key;
  const command = commands.find((one) => one.key === key);
  return command === undefined || command.can?.() === false ? null : command;
}

/** A key as it stands on the keyboard. */
export function keyCaps(key: string): string[] {
  return key.split('+').map((cap) => (cap === ' ' ? 'Space' : cap.length === 1 && key.length > 1 ? cap.toUpperCase() : cap));
}
