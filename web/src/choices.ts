// choices.ts — what the palette offers at this moment: commands, and everything that there is to go to.
import type { App } from './app';
import { COMMAND_GROUPS } from './commands';
import { compact } from './format';
import { baseName } from './paths';
import { formatRoute, HOME } from './route';
import { nameOfThread } from './stack';
import type { Choice } from './views/palette';

export function allChoices(app: App): Choice[] {
  return [...commands(app), ...files(app), ...threads(app), ...programs(app)];
}

/** What a number alone means: that line of the file shown. */
export function lineChoice(app: App, line: number): Choice | null {
  if (app.shownFile === -1) return null;
  return { kind: 'Line', title: `Line ${line}`, detail: '', key: null, run: () => app.goToLine(line) };
}

function commands(app: App): Choice[] {
  return COMMAND_GROUPS.flatMap((group) => app.commands.filter((command) => command.group === group))
    .filter((command) => command.can?.() !== false && command.key !== 'Ctrl+k')
    .map(({ title, key, run }) => ({ kind: 'Command', title, detail: '', key, run }));
}

function files(app: App): Choice[] {
  const { model } = app;
  if (model === null) return [];
  return model.files
    .filter(({ traced }) => traced)
    .sort((a, b) => model.fileHeat.hitsOf(b.index) - model.fileHeat.hitsOf(a.index))
    .map(({ index, path }) => ({
      kind: 'File',
      title: baseName(path),
      detail: `${path} · ${compact(model.fileHeat.hitsOf(index))} hits`,
      key: null,
      run: () => app.openFile(index),
    }));
}

function threads(app: App): Choice[] {
  return (app.model?.threads ?? []).map((thread) => ({
    kind: thread.task ? 'Task' : 'Thread',
    title: nameOfThread(thread),
    detail: 'its stack alone',
    key: null,
    run: () => app.chooseThread(thread.id),
  }));
}

function programs(app: App): Choice[] {
  return app.programs.map((program) => ({
    kind: 'Program',
    title: program.name || `pid ${program.pid}`,
    detail: `pid ${program.pid} · ${program.argv.join(' ')}`,
    key: null,
    run: () => {
      location.hash = formatRoute({ ...HOME, program: program.id });
    },
  }));
}
