import js from '@eslint/js';
import globals from 'globals';

export default [
  { ignores: ['build/', 'dist/'] },
  js.configs.recommended,
  {
    languageOptions: {
      globals: { ...globals.browser, ...globals.worker },
    },
  },
  {
    files: ['*.{js,mjs}', 'test/**'],
    languageOptions: { globals: globals.node },
  },
];
