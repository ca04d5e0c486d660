// build.mjs — makes the page: src/ → dist/index.html and dist/assets/, which hrview embeds, with what gzip makes of them
// beside them. index.html holds early.ts, main-<hash>.{js,css} and what they share with others come next; what is import()ed is in
// scripts of its own.
// With --tests it bundles ../tests/web instead, into build/tests/, for node's own test runner.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

// tsconfig.json maps packages for files outside this directory, which is for tsc alone.
const common = { bundle: true, format: 'esm', tsconfigRaw: {} };
const small = { minify: true, target: 'es2022', legalComments: 'none' };

const web = dirname(fileURLToPath(import.meta.url));

async function page() {
  const dist = join(web, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const early = await build({ ...common, ...small, absWorkingDir: web, entryPoints: ['src/early.ts'], format: 'iife', write: false });
  const { metafile } = await build({
    ...common,
    ...small,
    absWorkingDir: web,
    entryPoints: { main: 'src/main.ts' },
    outdir: 'dist/assets',
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    splitting: true,
    // Where CodeMirror can ask whether input waits, its parser takes 100 ms at a time, and bars stand still; else 25.
    define: { 'navigator.scheduling': 'undefined' },
    metafile: true,
  });
  const at = (path) => '/' + relative('dist', path);
  const outputs = Object.keys(metafile.outputs);
  const main = outputs.find((path) => metafile.outputs[path].entryPoint === 'src/main.ts');
  const css = metafile.outputs[main].cssBundle; // of all scripts; each has its own part beside it once more
  const made = outputs.filter((path) => !path.endsWith('.css') || path === css);
  for (const path of outputs.filter((path) => !made.includes(path))) rmSync(join(web, path));
  const whole = (path) => metafile.outputs[path].imports.flatMap(({ path: part, kind }) => (kind === 'import-statement' ? [part, ...whole(part)] : []));
  const first = new Set(whole(main)); // asked for at once with it, not when it names them
  for (const path of made) writeFileSync(join(web, `${path}.gz`), gzipSync(readFileSync(join(web, path)), { level: 9 }));
  const html = readFileSync(join(web, 'src/index.html'), 'utf8')
    .replace('__EARLY__', () => early.outputFiles[0].text.trim())
    .replace('__CSS__', at(css))
    .replace('__MAIN__', at(main))
    .replace('__FIRST__', [...first].map((path) => `<link rel="modulepreload" href="${at(path)}">`).join('\n'));
  writeFileSync(join(dist, 'index.html'), html);
}

async function tests() {
  const out = join(web, 'build/tests');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const kinds = ['unit', 'browser', 'firefox'];
  const entryPoints = kinds.flatMap((kind) => {
    const dir = join(web, '../tests/web', kind);
    return readdirSync(dir)
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => ({ in: join(dir, name), out: join(kind, basename(name, '.ts')) }));
  });
  // Packages stay outside: they are found from build/tests/ in node_modules as from src/.
  await build({
    ...common,
    absWorkingDir: web,
    entryPoints,
    outdir: out,
    outExtension: { '.js': '.mjs' },
    packages: 'external',
    platform: 'node',
    target: 'node18',
    sourcemap: 'inline',
  });
}

await (process.argv.includes('--tests') ? tests() : page());
