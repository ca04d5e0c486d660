// build.mjs — makes the page: src/ → dist/index.html and dist/assets/app-<hash>.{js,css}, which hrview
// embeds, with what gzip makes of them beside them.
// With --tests it bundles ../tests/web instead, into build/tests/, for node's own test runner.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

// tsconfig.json maps packages for files outside this directory, which is for tsc alone.
const common = { bundle: true, format: 'esm', tsconfigRaw: {} };

const web = dirname(fileURLToPath(import.meta.url));

async function page() {
  const dist = join(web, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const { metafile } = await build({
    ...common,
    absWorkingDir: web,
    entryPoints: { app: 'src/main.ts' },
    outdir: 'dist/assets',
    entryNames: '[name]-[hash]',
    minify: true,
    target: 'es2022',
    legalComments: 'none',
    metafile: true,
  });
  const made = Object.keys(metafile.outputs).map((path) => '/' + relative('dist', path));
  const asset = (ext) => {
    const found = made.find((path) => path.endsWith(ext));
    if (found === undefined) throw new Error(`the bundle has no ${ext} file`);
    return found;
  };
  for (const path of made) writeFileSync(join(dist, `${path}.gz`), gzipSync(readFileSync(join(dist, path)), { level: 9 }));
  const html = readFileSync(join(web, 'src/index.html'), 'utf8')
    .replace('__APP_CSS__', asset('.css'))
    .replace('__APP_JS__', asset('.js'));
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
