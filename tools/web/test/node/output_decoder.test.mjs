import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelFileError, ValueError } from '../../src/core/errors.js';
import { encodeInput } from '../../src/core/input_encoder.js';
import { decodeOutputs } from '../../src/core/output_decoder.js';
import { present } from '../../src/core/prediction.js';
import { fit } from '../../src/core/preprocessing.js';
import { bytesOf } from '../../src/core/tensor_data.js';
import { sizeOf } from '../../src/core/tensor_spec.js';
import { GoldenModel, info, json, MODELS } from './golden.mjs';
/** @import { ModelInfo } from '../../src/core/model_info.js' */
/** @import { Prediction, Scored } from '../../src/core/prediction.js' */

test('inputs of files are those of Python', async () => {
  for (const name of MODELS) {
    const golden = new GoldenModel(name);
    const { info, input, height, width } = await golden.read();
    const fitted = fit(golden.picture, height, width, info.image);
    const actual = bytesOf(encodeInput(fitted, info.image, input));
    assert.deepEqual(Buffer.from(actual), Buffer.from(golden.bytes('picture.input')), name);
  }
});

test('classes are those of Python', async () => {
  const others = ['altered', 'tiny_int8_full'];
  const names = MODELS.filter((name) => name.includes('classifier') || others.includes(name));
  assert.equal(names.length, 6);
  for (const name of names) {
    const prediction = expectType(await decode(name), 'classes');
    assertScoresEqual(name, new GoldenModel(name).facts.prediction, prediction.ranked);
  }
});

test('boxes are those of Python', async () => {
  const names = MODELS.filter((name) => name.includes('nms') || name.includes('raw'));
  assert.equal(names.length, 4);
  for (const name of names) {
    const { facts } = new GoldenModel(name);
    const [height, width] = facts.picture_shape;
    const { boxes } = expectType(await decode(name), 'boxes');
    assert.ok(boxes.length >= 3, name);
    assert.deepEqual(
      boxes.map(({ found }) => found.label),
      facts.prediction.map((/** @type {any} */ it) => it.label),
    );
    for (const [index, { found, left, top, right, bottom }] of boxes.entries()) {
      const { score, box } = facts.prediction[index];
      assertClose(found.score, score, 1e-6, name);
      [left * width, top * height, right * width, bottom * height].forEach((side, at) => {
        assertClose(side, box[at], 1e-4, name);
      });
    }
  }
});

test('masks are those of Python', async () => {
  const names = MODELS.filter((name) => name.includes('logits') || name.includes('mask'));
  assert.equal(names.length, 5);
  for (const name of names) {
    const golden = new GoldenModel(name);
    const { height, width } = await golden.read();
    const mask = expectType(await decode(name), 'mask');
    assert.deepEqual([mask.height, mask.width], [height, width]);
    const expected = golden.bytes('mask');
    assert.ok(new Set(expected).size > 2);
    assert.deepEqual([...mask.classes], [...expected], name);
  }
});

test('numbers of classifiers mean what Python says', () => {
  const cases = json('outputs/classifiers.json');
  assert.equal(cases.length, 15);
  for (const { problem_type, kind, labels, outputs, results, all } of cases) {
    const name = JSON.stringify({ problem_type, kind, outputs });
    const prediction = decodeNumbers(info({ labels, output: { kind, problem_type } }), outputs);
    if (prediction.type === 'classes') {
      assertScoresEqual(name, results, prediction.ranked);
    } else if (prediction.type === 'labels') {
      assertScoresEqual(name, results, present(prediction));
      for (const { outputClass, score } of prediction.ranked) {
        assertClose(score, all[outputClass], 1e-12, name);
      }
    } else {
      const { values } = expectType(prediction, 'values');
      assert.deepEqual(
        values.map(({ label, value }) => [label, value]),
        results,
      );
    }
  }
});

test('outputs that do not fit are refused', () => {
  for (const fields of [
    { labels: ['one', 'two', 'three'] },
    { task: 'detection' },
    { task: 'detection', output: { kind: 'boxes' } },
    { task: 'detection', output: { kind: 'anchors' } },
    { task: 'segmentation' },
    { task: 'segmentation', output: { kind: 'mask' } },
    { task: 'segmentation', output: { kind: 'logits' } },
  ]) {
    const decodeTwo = () => decodeNumbers(info(fields), [0.5, 0.5]);
    assert.throws(decodeTwo, ModelFileError, JSON.stringify(fields));
  }
  const specs = ['a', 'b'].map((name) => floats(2, name));
  const values = { a: new Float32Array(2), b: new Float32Array(2) };
  assert.throws(() => decodeOutputs(info({}), specs, values), ModelFileError);
  assert.throws(() => decodeOutputs(info({}), [specs[0]], {}), ValueError);
  assert.throws(() => decodeOutputs(info({}), [floats(3, 'a')], values), ValueError);
  assert.throws(() => decodeOutputs(info({}), [specs[0]], { a: new Int8Array(2) }), ValueError);
});

test('broken numbers are no crash', async () => {
  const prediction = expectType(decodeNumbers(info({}), [NaN, NaN, NaN]), 'classes');
  assert.ok(prediction.ranked.every(({ score }) => Number.isNaN(score)));
  for (const name of ['raw_int8', 'nms_float32', 'logits_int8']) {
    const { info, outputs } = await new GoldenModel(name).read();
    for (const value of [NaN, Infinity, -1e30]) {
      const values = Object.fromEntries(
        outputs.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape)).fill(value)]),
      );
      decodeOutputs(info, outputs, values);
    }
  }
});

/** @param {string} name */
async function decode(name) {
  const golden = new GoldenModel(name);
  const { info, outputs } = await golden.read();
  return decodeOutputs(info, outputs, golden.outputs('picture'));
}

/**
 * @param {ModelInfo} info
 * @param {number[]} numbers
 */
function decodeNumbers(info, numbers) {
  const spec = floats(numbers.length, 'output');
  return decodeOutputs(info, [spec], { output: Float32Array.from(numbers) });
}

/**
 * @param {number} count
 * @param {string} name
 */
function floats(count, name) {
  const dtype = /** @type {const} */ ('float32');
  return { name, dtype, shape: [1, count], scale: null, zeroPoint: 0 };
}

/**
 * @template {Prediction['type']} T
 * @param {Prediction} prediction
 * @param {T} type
 */
function expectType(prediction, type) {
  assert.equal(prediction.type, type);
  return /** @type {Extract<Prediction, {type: T}>} */ (prediction);
}

/**
 * @param {string} name
 * @param {[string, number][]} expected
 * @param {Scored[]} actual
 */
function assertScoresEqual(name, expected, actual) {
  assert.deepEqual(
    actual.map(({ label }) => label),
    expected.map(([label]) => label),
    name,
  );
  actual.forEach(({ score }, index) => assertClose(score, expected[index][1], 1e-12, name));
}

/**
 * @param {number} actual
 * @param {number} expected
 * @param {number} tolerance
 * @param {string} name
 */
function assertClose(actual, expected, tolerance, name) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${name}: ${actual} for ${expected}`);
}
