import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelFileError } from '../../src/core/errors.js';
import { labelOf } from '../../src/core/model_info.js';
import { readModelInfo } from '../../src/core/model_info_reader.js';
import { parseObject, plain } from '../../src/core/strict_json.js';
import { info, json } from './golden.mjs';
import { assertInfoEquals } from './info_assertions.mjs';

test('descriptions are read as in Python', () => {
  const cases = json('descriptions.json');
  assert.equal(cases.length, 79);
  assert.equal(cases.filter((/** @type {any} */ it) => it.info !== null).length, 21);
  for (const { text, info: expected } of cases) {
    if (expected !== null) {
      assertInfoEquals(expected, readModelInfo(text));
      continue;
    }
    assert.throws(
      () => readModelInfo(text),
      (error) =>
        error instanceof ModelFileError && error.advice !== '' && error.message.length < 1000,
      text.slice(0, 100),
    );
  }
});

test('a newer schema says that the page is too old', () => {
  assert.throws(() => readModelInfo('{"schema_version": 3}'), {
    kind: 'unsupported',
    advice: /newer version of this page/,
  });
});

test('labels begin where the offset says', () => {
  const labels = ['cat', 'dog'];
  const detector = info({ labels, output: { label_offset: 1 } });
  assert.equal(labelOf(detector, 0), 'background');
  assert.equal(labelOf(detector, 2), 'dog');
  assert.equal(labelOf(detector, 3), '3');
  assert.equal(labelOf(info({ labels }), 0), 'cat');
  assert.equal(labelOf(info({}), 0), '0');
});

test('keys of JSON are no properties of JavaScript', () => {
  const text = '{"__proto__": {"task": "detection"}, "schema_version": 2}';
  assert.equal(readModelInfo(text).task, 'classification');
  assert.deepEqual(Object.keys(plain(parseObject(text))), ['__proto__', 'schema_version']);
  assert.equal(/** @type {any} */ ({}).task, undefined);
});

test('texts are those of JSON.parse', () => {
  for (const text of ['{"a": "\\u00e4\\"\\\\ \\/"}', '{"\\ud83d\\ude00": [1, -2.5e3, null]}']) {
    assert.deepEqual({ ...plain(parseObject(text)) }, JSON.parse(text));
  }
  for (const text of [
    '{"a": "\\x"}',
    '{"a": "\n"}',
    '{"a": "',
    '{"a": "\\',
    "{'a': 1}",
    '{"a",}',
  ]) {
    assert.throws(() => parseObject(text), /Expected/);
  }
});
