// test.mjs KIND [NAME] — runs the bundled tests of one kind (unit, browser, firefox), or one file of them, and ends with one line
// of counts. A file of a browser's tests with a failure is run once more, as pytest's --reruns 1 does it, and said to have been.
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const kind = process.argv[2] ?? 'unit';
const dir = join(dirname(fileURLToPath(import.meta.url)), 'build/tests', kind);
const all = readdirSync(dir)
  .filter((name) => name.endsWith(process.argv[3] === undefined ? '.test.mjs' : `${process.argv[3]}.test.mjs`))
  .map((name) => join(dir, name));

/** The counts of each file. */
async function runFiles(files) {
  const counts = new Map(files.map((file) => [file, { passed: 0, failed: 0, skipped: 0 }]));
  const isFile = (event) => files.includes(event.name); // a file that could not be run is an event too
  const events = run({ files, concurrency: kind === 'unit' });
  events.on('test:pass', (event) => {
    if (isFile(event)) return;
    if (event.skip !== undefined || event.todo !== undefined) counts.get(event.file).skipped++;
    else counts.get(event.file).passed++;
  });
  events.on('test:fail', (event) => {
    // A file fails as well when a test in it does; alone only when it could not be run.
    if (event.details.error?.failureType !== 'subtestsFailed') counts.get(event.file ?? event.name).failed++;
  });
  const shown = events.compose(new spec());
  for await (const text of shown) process.stdout.write(text);
  return counts;
}

const counts = await runFiles(all);
const again = kind === 'unit' ? [] : all.filter((file) => counts.get(file).failed > 0);
if (again.length > 0) {
  console.log(`failed, run once more: ${again.map((file) => basename(file)).join(', ')}`);
  for (const [file, second] of await runFiles(again)) counts.set(file, second);
}
const sum = (what) => [...counts.values()].reduce((total, of) => total + of[what], 0);
console.log(`page, ${kind}: ${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped, ${again.length} rerun`);
if (sum('failed') > 0 || sum('passed') === 0) process.exitCode = 1;
