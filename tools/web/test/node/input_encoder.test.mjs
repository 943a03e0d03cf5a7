import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelFileError, ValueError } from '../../src/core/errors.js';
import { encodeInput } from '../../src/core/input_encoder.js';
import { rgbImage } from '../../src/core/rgb_image.js';
import { selfTestInput, selfTestPixels } from '../../src/core/self_test.js';
import { bytesOf } from '../../src/core/tensor_data.js';
import { bytes, info, json, tensorSpec } from './golden.mjs';

const HEIGHT = 33;
const WIDTH = 29;
const SHAPE = [1, HEIGHT, WIDTH, 3];
const picture = rgbImage(WIDTH, HEIGHT, bytes('inputs/picture.rgb'));

test('tensors are those of Python', () => {
  const cases = json('inputs/cases.json');
  assert.equal(cases.length, 16);
  for (const facts of cases) {
    const spec = info({ image: facts.image }).image;
    const tensor = tensorSpec(facts, [1, HEIGHT, WIDTH, facts.channels]);
    const name = JSON.stringify(facts);
    const input = bytesOf(encodeInput(picture, spec, tensor));
    assert.deepEqual(Buffer.from(input), Buffer.from(bytes(`inputs/${facts.values}`)), name);
    const test = bytesOf(selfTestInput(spec, tensor));
    assert.deepEqual(Buffer.from(test), Buffer.from(bytes(`inputs/${facts.self_test}`)), name);
  }
});

test('the self-test follows its formula', () => {
  for (const shape of ['5x7x3', '96x96x3', '33x64x1', '1x1x4', '320x511x3']) {
    const [height, width, channels] = shape.split('x').map(Number);
    const expected = bytes(`inputs/self_test_${shape}.rgb`);
    assert.deepEqual(selfTestPixels(height, width, channels), expected);
  }
});

test('tensors that take no pixels are refused', () => {
  for (const facts of [
    // Ends at 1.
    { dtype: 'int8', shape: SHAPE, scale: 1 / 255, zero_point: -128 },
    { dtype: 'int64', shape: SHAPE },
    { dtype: 'float32', shape: [1, HEIGHT, WIDTH, 2] },
  ]) {
    const encode = () => encodeInput(picture, info({}).image, tensorSpec(facts));
    assert.throws(encode, ModelFileError, JSON.stringify(facts));
  }
});

test('scales of another number of channels are refused', () => {
  const { image } = info({ image: { scale: [1, 0.5] } });
  const tensor = tensorSpec({ dtype: 'float32', shape: SHAPE });
  assert.throws(() => encodeInput(picture, image, tensor), { kind: 'damaged' });
});

test('pixels of another size are refused', () => {
  const tensor = tensorSpec({ dtype: 'float32', shape: [1, WIDTH, HEIGHT, 3] });
  assert.throws(() => encodeInput(picture, info({}).image, tensor), ValueError);
});
