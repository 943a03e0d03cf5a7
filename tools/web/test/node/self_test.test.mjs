import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { checkSelfTest, selfTestInput, validateSelfTest } from '../../src/core/self_test.js';
import { sha256 } from '../../src/core/sha256.js';
import { bytesOf, tensorData } from '../../src/core/tensor_data.js';
import { bytes, GoldenModel, info, json, MODELS, tensorSpec } from './golden.mjs';

test('verdicts of files are those of Python', async () => {
  const models = MODELS.map((name) => new GoldenModel(name)).filter((it) => it.facts.self_test);
  assert.equal(models.length, 9);
  for (const golden of models) {
    const { name } = golden;
    const model = await golden.read();
    const input = bytesOf(selfTestInput(model.info.image, model.input));
    assert.deepEqual(Buffer.from(input), Buffer.from(golden.bytes('self_test.input')), name);
    const result = checkSelfTest(model.info, model.outputs, golden.outputs('self_test'));
    const expected = golden.facts.self_test;
    for (const key of /** @type {const} */ (['verdict', 'expected', 'passed', 'runtime'])) {
      assert.equal(result?.[key], expected[key], name);
    }
    for (const [output, check] of Object.entries(result?.outputs ?? {})) {
      const record = expected.outputs[output];
      assert.equal(check.verdict, record.verdict, name);
      assert.ok(Math.abs(check.sqnrDb - record.sqnr) <= 1e-9, name);
      assert.equal(check.leastSqnrDb, record.least_sqnr);
      assert.equal(check.covers, record.covers);
    }
  }
});

test('one altered weight is noticed', () => {
  assert.equal(new GoldenModel('altered').facts.self_test.verdict, 'different');
  assert.equal(new GoldenModel('classifier_int8').facts.self_test.verdict, 'identical');
});

test('files of version 1 have none', async () => {
  const { info } = await new GoldenModel('v1_classifier_int8').read();
  assert.equal(checkSelfTest(info, [], {}), null);
});

test('verdicts of outputs are those of Python', () => {
  const cases = json('self_tests/cases.json');
  assert.equal(cases.length, 35);
  for (const { name, record, dtype, shape, actual, verdict, sqnr_db, covers } of cases) {
    const tensor = tensorSpec({ dtype, shape }, shape, 'output');
    const output = tensorData(dtype, bytes(`self_tests/${actual}`));
    const check = checkSelfTest(infoWith(record), [tensor], { output })?.outputs.output;
    assert.equal(check?.verdict, verdict, name);
    assert.ok(Math.abs(Number(check?.sqnrDb) - sqnr_db) <= 1e-9, name);
    assert.equal(check?.covers, covers, name);
  }
});

test('damaged records are refused', () => {
  const tensor = tensorSpec({ dtype: 'float32', shape: [1, 4] }, [1, 4], 'output');
  const output = Float32Array.of(0, 1, 2, 3);
  const cases = json('self_tests/refused.json');
  assert.equal(cases.length, 15);
  for (const { name, record } of cases) {
    const expected = { kind: 'damaged', message: /self-test/ };
    assert.throws(() => checkSelfTest(infoWith(record), [tensor], { output }), expected, name);
    // Known without outputs, too.
    assert.throws(() => validateSelfTest(infoWith(record), [tensor]), expected, name);
  }
});

test('other outputs than recorded are refused', async () => {
  const { info } = await new GoldenModel('classifier_int8').read();
  assert.throws(() => checkSelfTest(info, [], {}), { kind: 'damaged' });
  assert.throws(() => validateSelfTest(info, []), { kind: 'damaged' });
});

test('records of whole files are valid', async () => {
  for (const name of MODELS) {
    const { info, outputs } = await new GoldenModel(name).read();
    validateSelfTest(info, outputs);
  }
});

test('hashes are SHA-256', () => {
  for (const size of [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 1000, 100_000]) {
    const data = Uint8Array.from({ length: size }, (_, index) => (index * 37 + size) % 256);
    assert.equal(sha256(data), createHash('sha256').update(data).digest('hex'), `${size}`);
  }
});

/** @param {unknown} record */
function infoWith(record) {
  return info({ self_test: { expected: 'within', outputs: { output: record } } });
}
