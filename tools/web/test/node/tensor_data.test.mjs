import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValueError } from '../../src/core/errors.js';
import { dequantized, zeros } from '../../src/core/tensor_data.js';
import { json, tensorSpec } from './golden.mjs';

test('numbers are those of NumPy', () => {
  const cases = json('outputs/quantized.json');
  assert.equal(cases.length, 6);
  for (const facts of cases) {
    const tensor = tensorSpec(facts, [1, facts.values.length]);
    const data = zeros(tensor.dtype, facts.values.length);
    facts.values.forEach((/** @type {number} */ value, /** @type {number} */ index) => {
      data[index] = data instanceof BigInt64Array ? BigInt(value) : value;
    });
    assert.deepEqual(dequantized(tensor, data), Float32Array.from(facts.numbers));
  }
});

test('values of another type or size are refused', () => {
  const tensor = tensorSpec({ dtype: 'int8', shape: [1, 2] });
  for (const data of [new Int8Array(3), new Float32Array(2)]) {
    assert.throws(() => dequantized(tensor, data), ValueError);
  }
});
