import { damaged, unsupported } from './errors.js';
import { roundHalfEven } from './rounding.js';
import { zeros } from './tensor_data.js';
/** @import { ImageSpec } from './model_info.js' */
/** @import { TensorData } from './tensor_data.js' */
/** @import { DType, TensorSpec } from './tensor_spec.js' */

/**
 * Least and largest value of a type; null where there are none.
 *
 * @type {Partial<Record<DType, [number, number] | null>>}
 */
const LIMITS = {
  float32: null,
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};

/**
 * Scales pixels to what the model expects, and quantizes them to the type of an input tensor.
 *
 * @param {Uint8Array | Uint8ClampedArray} samples `height * width * channels` pixels, channels last
 * @param {ImageSpec} spec
 * @param {TensorSpec} tensor
 * @param {{inDouble: boolean}} options whether pixels that are not scaled are divided by the scale
 *   of the tensor in double precision, as Python does with pictures, or in single precision, as it
 *   does in the self-test
 * @returns {TensorData}
 * @throws {ModelFileError} if the tensor cannot take such pixels
 */
export function quantizePixels(samples, spec, tensor, { inDouble }) {
  const limits = limitsOf(tensor.dtype);
  const channels = /** @type {number} */ (tensor.shape.at(-1));
  checkChannels('scale', spec.scale, channels);
  checkChannels('offset', spec.offset, channels);
  const isIdentity = spec.scale.every((it) => it === 1) && spec.offset.every((it) => it === 0);
  const step = tensor.scale ?? 1;
  if (isIdentity && limits !== null) checkRange(step * (limits[1] - tensor.zeroPoint));

  /**
   * @param {number} pixel
   * @param {number} channel
   */
  function value(pixel, channel) {
    let input = pixel;
    if (!isIdentity) {
      const scaled = Math.fround(pixel * Math.fround(of(spec.scale, channel)));
      input = Math.fround(scaled + Math.fround(of(spec.offset, channel)));
    }
    if (limits === null) return input;
    const steps = isIdentity && inDouble ? pixel / step : Math.fround(input / step);
    const quantized = roundHalfEven(steps) + tensor.zeroPoint;
    return Math.min(Math.max(quantized, limits[0]), limits[1]);
  }

  // A pixel has 256 values, so each is computed once.
  const tables = Array.from({ length: channels }, (_, channel) =>
    Float64Array.from({ length: 256 }, (_, pixel) => value(pixel, channel)),
  );
  const values = zeros(tensor.dtype, samples.length);
  for (let start = 0; start < samples.length; start += channels) {
    for (let channel = 0; channel < channels; channel++) {
      values[start + channel] = tables[channel][samples[start + channel]];
    }
  }
  return values;
}

/** @param {DType} dtype */
function limitsOf(dtype) {
  const limits = LIMITS[dtype];
  if (limits !== undefined) return limits;
  throw unsupported(`Expected an input of integers or float32. Received: ${dtype}`);
}

/**
 * @param {readonly number[]} numbers
 * @param {number} channel
 */
function of(numbers, channel) {
  return numbers.length === 1 ? numbers[0] : numbers[channel];
}

/**
 * @param {string} key
 * @param {readonly number[]} numbers
 * @param {number} channels
 */
function checkChannels(key, numbers, channels) {
  if (numbers.length === 1 || numbers.length === channels) return;
  throw damaged(
    `Expected one \`image.${key}\`, or one for each of ${channels} channels. Received: [${numbers}]`,
  );
}

/** @param {number} highest */
function checkRange(highest) {
  if (highest >= 128) return;
  throw unsupported(
    `Expected an input that takes pixels up to 255. Received: one that ends at ${highest}, so it ` +
      'takes something that was made of pixels',
  );
}
