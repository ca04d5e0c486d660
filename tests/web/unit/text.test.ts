// text.test.ts — columns, figures, paths, routes: small pure things that must be exactly right.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isNow } from '../../../web/src/timeline';
import { utf16Column } from '../../../web/src/columns';
import { compact, duration, exact, fitted, percent, perSecond } from '../../../web/src/format';
import { EDITORS, editorUrl, ownEditor, templateTrouble } from '../../../web/src/editors';
import { best, score } from '../../../web/src/match';
import { commonDirectory, fileAndLine, groupOf, shownDirectory } from '../../../web/src/paths';
import { formatRoute, HOME, parseRoute } from '../../../web/src/route';

test('a byte column becomes the UTF-16 column of the same character', () => {
  const line = 'é = "𝔘日x"';
  assert.equal(utf16Column(line, 0), 0);
  assert.equal(utf16Column(line, 2), 1); // behind é: two bytes
  assert.equal(utf16Column(line, 6), 5); // before 𝔘
  assert.equal(utf16Column(line, 10), 7); // behind it: four bytes, two units
  assert.equal(utf16Column(line, 13), 8);
  assert.equal(utf16Column(line, 99), line.length);
});

test('columns agree with the platform’s own encoder for every text', () => {
  const encoder = new TextEncoder();
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  fc.assert(
    fc.property(text, fc.nat(40), (line, n) => {
      const characters = [...line].slice(0, n);
      const bytes = encoder.encode(characters.join('')).length;
      assert.equal(utf16Column(line, bytes), characters.join('').length);
    }),
  );
});

test('a column inside a character stands at its start', () => {
  for (const [character, bytes] of [['é', 2], ['日', 3], ['𝔘', 4]] as const)
    for (let inside = 1; inside < bytes; inside++) assert.equal(utf16Column(`ab${character}`, 2 + inside), 2);
});

test('figures have their thousands apart', () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(exact), ['0', '999', '1,000', '1,234,567']);
});

test('a figure that a double cannot hold exactly is not shown as exact', () => {
  assert.equal(exact(2 ** 53 - 1), '9,007,199,254,740,991');
  assert.equal(exact(2 ** 60), '≈1.1E');
});

test('short figures round down', () => {
  const shown = [0, 999, 1000, 1099, 1100, 9999, 12345, 999999, 1e6, 1.29e6, 4294967303].map(compact);
  assert.deepEqual(shown, ['0', '999', '1k', '1k', '1.1k', '9.9k', '12k', '999k', '1M', '1.2M', '4.2G']);
});

test('short figures never say more than there is and take at most five characters', () => {
  const unit: Record<string, number> = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
  fc.assert(
    fc.property(fc.maxSafeNat(), (n) => {
      const short = compact(n);
      const match = /^([\d.]+)([a-zA-Z]?)$/.exec(short);
      assert.ok(match !== null && short.length <= 5, short);
      const value = Number(match[1]) * (unit[match[2] as string] as number);
      assert.ok(value <= n * (1 + 1e-12) && value >= n * 0.9, `${n} → ${short}`);
    }),
  );
});

test('a figure is exact where it fits', () => {
  assert.deepEqual([fitted(12345, 6), fitted(123456, 6), fitted(123456, 7)], ['12,345', '123k', '123,456']);
});

test('rates, spans and shares are said shortly', () => {
  assert.deepEqual([0, 0.04, 0.5, 9.94, 12.6, 12345].map(perSecond), ['0/s', '0/s', '0.5/s', '9.9/s', '13/s', '12k/s']);
  assert.deepEqual(
    [12, 3400, 59999, 125000, 3600000 * 3 + 60000 * 12, 86400000 * 2 + 3600000 * 4].map(duration),
    ['12 ms', '3.4 s', '59 s', '2 min 5 s', '3 h 12 min', '2 d 4 h'],
  );
  assert.deepEqual([0, 0.0001, 0.034, 0.34, 1].map(percent), ['0 %', '< 0.1 %', '3.4 %', '34 %', '100 %']);
});

test('files are grouped by where they lie', () => {
  assert.equal(groupOf('/home/u/app/main.py'), 'project');
  assert.equal(groupOf('/home/u/lib/python/x.py'), 'project');
  assert.equal(groupOf('/home/u/.venv/lib/python3.12/site-packages/attr/_make.py'), 'site');
  assert.equal(groupOf('/usr/lib/python3/dist-packages/apt/cache.py'), 'site');
  assert.equal(groupOf('/usr/lib/python3.11/json/decoder.py'), 'stdlib');
  assert.equal(groupOf('/opt/py/lib64/python3.14t/ast.py'), 'stdlib');
  assert.equal(groupOf('<frozen importlib._bootstrap>'), 'stdlib');
  assert.equal(groupOf('<string>'), 'generated');
});

test('directories are shown from where they begin to differ', () => {
  assert.equal(commonDirectory(['/a/b/c.py', '/a/b/d/e.py', '/a/bc/f.py']), '/a/');
  assert.equal(commonDirectory(['/a/b/c.py']), '/a/b/');
  assert.equal(commonDirectory([]), '');
  assert.equal(shownDirectory('/a/b/d/e.py', 'project', '/a/b/'), 'd/');
  assert.equal(shownDirectory('/v/lib/python3.12/site-packages/attr/_make.py', 'site', '/a/'), 'attr/');
  assert.equal(shownDirectory('/usr/lib/python3.11/json/decoder.py', 'stdlib', '/a/'), 'json/');
});

test('every place has a URL that leads back to it', () => {
  const id = fc.stringMatching(/^[0-9a-f]{16}$/);
  const path = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
  const number = fc.option(fc.nat({ max: 99999 }));
  const ticks = fc.nat({ max: 1e9 });
  const whens = fc
    .record({ at: fc.option(ticks), from: fc.option(ticks), length: fc.option(fc.integer({ min: 1, max: 1e6 })), marks: fc.uniqueArray(ticks, { maxLength: 4 }) })
    .map(({ at, from, length, marks }) => {
      const until = from === null || length === null ? null : from + length;
      return { at: at ?? until, from, until, marks: marks.sort((a, b) => a - b) };
    })
    .filter((when) => !isNow(when));
  fc.assert(
    fc.property(id, fc.option(path), number, number, number, fc.option(whens), (program, file, entry, line, thread, when) => {
      const place = { program, file, entry, line, thread, when };
      assert.deepEqual(parseRoute(formatRoute(place)), place);
    }),
  );
});

test('a URL is readable', () => {
  const place = { ...HOME, program: '00c0ffee12345678', file: '/home/u/my app/x.py', line: 12 };
  assert.equal(formatRoute(place), '#/p/00c0ffee12345678?file=/home/u/my%20app/x.py&line=12');
  const when = { at: 1500, from: 1000, until: 2000, marks: [700, 1000] };
  assert.equal(formatRoute({ ...HOME, program: '00c0ffee12345678', when }), '#/p/00c0ffee12345678?span=1000-2000&at=1500&marks=700,1000');
});

test('an empty URL leaves the choice to the page, a senseless one leads home', () => {
  assert.equal(parseRoute(''), null);
  assert.equal(parseRoute('#'), null);
  assert.deepEqual(parseRoute('#/'), HOME);
  assert.deepEqual(parseRoute('#/p/xyz'), HOME);
  assert.equal(parseRoute('#/p/00c0ffee12345678?line=-5')?.line, null);
});

test('a file and line are written as compilers and editors do', () => {
  assert.equal(fileAndLine('/a/b.py', 7), '/a/b.py:7');
  assert.equal(fileAndLine('<string>', null), '<string>');
});

test('a file and line are opened in any editor that has a URL', () => {
  const urls = (path: string, line: number | null): string[] => EDITORS.map((editor) => editorUrl(editor, path, line));
  assert.equal(urls('/a b/ü#?.py', 7)[0], 'vscode://file/a%20b/%C3%BC%23%3F.py:7');
  assert.equal(urls('/a/b.py', null)[0], 'vscode://file/a/b.py:1');
  assert.ok(urls('/a/$&.py', 3).includes('pycharm://open?file=/a/%24%26.py&line=3'));
  for (const { template } of EDITORS) assert.equal(templateTrouble(template), null, template);
  assert.equal(editorUrl(ownEditor('emacs:{path}+{line}'), '/x.py', 9), 'emacs:/x.py+9');
});

test('a template that opens no editor is refused', () => {
  for (const bad of ['', '{path}', 'javascript:alert({path})', 'JavaScript:{path}', 'https://x/{path}', 'data:{path}', 'vscode://file'])
    assert.notEqual(templateTrouble(bad), null, bad);
});

test('what is typed finds what is meant', () => {
  const paths = ['/app/lexer.py', '/app/lib/helper.py', '/app/handlers/lexical_error.py', '/usr/lib/python3/plex.py'];
  const found = (words: string): string[] => best(words, paths, (path) => ({ name: path, rest: 'File' }), 9);
  assert.deepEqual(found(''), paths);
  assert.equal(found('lexer')[0], '/app/lexer.py');
  assert.equal(found('help')[0], '/app/lib/helper.py');
  assert.equal(found('le error')[0], '/app/handlers/lexical_error.py', 'two words, any order');
  assert.equal(found('hlpr')[0], '/app/lib/helper.py', 'letters with others between');
  assert.deepEqual(found('file'), paths, 'by what it is');
  assert.deepEqual(found('fl'), [], 'but not by letters of it');
  assert.deepEqual(found('zzz'), []);
});

test('whatever is typed, what fits has its letters, and a text finds itself', () => {
  const text = fc.string({ minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(text, fc.array(text, { maxLength: 8 }), (words, texts) => {
      for (const one of best(words, texts, (name) => ({ name, rest: '' }), 99))
        for (const letter of words.toLowerCase().replace(/\s/g, '')) assert.ok(one.toLowerCase().includes(letter));
      if (words.toLowerCase().length === words.length) assert.notEqual(score(words, words), null);
    }),
  );
});
