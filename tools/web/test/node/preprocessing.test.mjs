import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelFileError, ValueError } from '../../src/core/errors.js';
import { fit } from '../../src/core/preprocessing.js';
import { fromRgba, rgbImage } from '../../src/core/rgb_image.js';
import { bytes, info, json } from './golden.mjs';

test('bytes are those of Pillow', () => {
  const cases = json('pictures/cases.json');
  assert.equal(cases.length, 22);
  for (const { picture, shape, image, fitted } of cases) {
    const [height, width] = shape;
    const spec = info({ image }).image;
    const [rows, columns] = image.size;
    const actual = fit(rgbImage(width, height, bytes(`pictures/${picture}`)), rows, columns, spec);
    assert.deepEqual([actual.height, actual.width], image.size);
    assert.deepEqual(Buffer.from(actual.data), Buffer.from(bytes(`pictures/${fitted}`)), picture);
  }
});

test('a panorama takes no more memory than its crop', () => {
  // Scaled as a whole it would have 384 * 7,680,000 pixels.
  const strip = rgbImage(20_000, 1, new Uint8Array(60_000));
  assert.equal(fit(strip, 384, 384, info({}).image).data.length, 3 * 384 * 384);
});

test('other interpolations are refused', () => {
  const picture = rgbImage(1, 1, new Uint8Array(3));
  for (const image of [{ interpolation: 'bicubic' }, { antialias: false }]) {
    assert.throws(() => fit(picture, 2, 2, info({ image }).image), ModelFileError);
  }
});

test('pixels of a canvas become RGB', () => {
  const data = Uint8ClampedArray.of(255, 128, 1, 0, 2, 3, 254, 127);
  assert.deepEqual([...fromRgba({ width: 2, height: 1, data }).data], [255, 128, 1, 2, 3, 254]);
  assert.throws(() => fromRgba({ width: 2, height: 2, data }), ValueError);
});
