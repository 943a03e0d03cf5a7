import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TEXTS } from '../../src/app/texts.js';

const APP = new URL('../../src/app/', import.meta.url);

test('all texts are shown somewhere', () => {
  const code = readdirSync(APP, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js') && name !== 'texts.js')
    .map((name) => readFileSync(new URL(name, APP), 'utf8'))
    .join('\n');
  assert.match(code, /TEXTS\.ready\b/);
  const unused = Object.keys(TEXTS).filter((key) => !new RegExp(`TEXTS\\.${key}\\b`).test(code));
  assert.deepEqual(unused, []);
});
