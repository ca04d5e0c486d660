// eslint.config.mjs — what eslint asks of the page, its tests and the scripts beside them (`./dev lint`).
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const NODE_AND_PAGE = ['CanvasRenderingContext2D', 'URL', 'console', 'document', 'location', 'performance', 'process', 'requestAnimationFrame', 'setTimeout', 'window'];

export default tseslint.config(
  js.configs.recommended,
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: Object.fromEntries(NODE_AND_PAGE.map((name) => [name, 'readonly'])) },
    // A loop that only waits has to name what it throws away.
    rules: { 'no-unused-vars': ['error', { varsIgnorePattern: '^_$' }] },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: 'tsconfig.json' } },
    rules: {
      // Nobody waits for node:test's promises: the runner does.
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'describe', 'it'] }] },
      ],
      // A walk along a list may begin at `this`.
      '@typescript-eslint/no-this-alias': 'off',
      // What must return a promise is written as async, whether it waits for something or not.
      '@typescript-eslint/require-await': 'off',
    },
  },
);
