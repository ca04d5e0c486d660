// test.mjs KIND [NAME] — runs the bundled tests of one kind (unit, browser, firefox), or one file of them, and ends with one line
// of counts.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const kind = process.argv[2] ?? 'unit';
const dir = join(dirname(fileURLToPath(import.meta.url)), 'build/tests', kind);
const files = readdirSync(dir)
  .filter((name) => name.endsWith(process.argv[3] === undefined ? '.test.mjs' : `${process.argv[3]}.test.mjs`))
  .map((name) => join(dir, name));
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
events.compose(new spec()).pipe(process.stdout);
events.on('end', () => {
  process.on('exit', () => {
    console.log(`page, ${kind}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  });
  if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
});
