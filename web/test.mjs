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

/** How many tests of the files passed, failed, were left out. */
async function runFiles(files) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const isFile = (event) => files.includes(event.name); // a file that could not be run is an event too
  const events = run({ files, concurrency: kind === 'unit' });
  events.on('test:pass', (event) => {
    if (isFile(event)) return;
    if (event.skip !== undefined || event.todo !== undefined) counts.skipped++;
    else counts.passed++;
  });
  events.on('test:fail', (event) => {
    // A file fails as well when a test in it does; alone only when it could not be run.
    if (event.details.error?.failureType !== 'subtestsFailed') counts.failed++;
  });
  for await (const text of events.compose(new spec())) process.stdout.write(text);
  return counts;
}

const total = { passed: 0, failed: 0, skipped: 0, rerun: 0 };
for (const files of kind === 'unit' ? [all] : all.map((file) => [file])) {
  let counts = await runFiles(files);
  if (kind !== 'unit' && counts.failed > 0) {
    console.log(`failed, run once more: ${basename(files[0])}`);
    total.rerun++;
    counts = await runFiles(files);
  }
  for (const what of Object.keys(counts)) total[what] += counts[what];
}
console.log(`page, ${kind}: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped, ${total.rerun} rerun`);
if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
