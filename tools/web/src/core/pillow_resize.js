/** @import { RgbImage } from './rgb_image.js' */

// 32 bits, less 8 of the pixel and 2 for sums that overshoot.
const PRECISION_BITS = 32 - 8 - 2;
const HALF = 1 << (PRECISION_BITS - 1);
const ONE = 1 << PRECISION_BITS;
const CHANNELS = 3;

/**
 * Which samples of a line make each sample of the result.
 *
 * @typedef {object} Weights
 * @property {Int32Array} first the first of them
 * @property {Int32Array[]} weights of it and of those behind it, in fixed point
 */

/**
 * What is wanted of a resized picture.
 *
 * @typedef {object} Crop
 * @property {number} left first column
 * @property {number} top first row
 * @property {number} width number of columns
 * @property {number} height number of rows
 */

/**
 * Resizes a picture, and crops the result: bilinear resampling with antialiasing, to the bit as
 * Pillow does it.
 *
 * Two passes, across and down, each rounded to 8 bits; the weights of a triangle that is as wide
 * as the reduction asks for, in fixed point. Source: `libImaging/Resample.c` of Pillow 13; older
 * versions never begin with the pass down, and may be one off in tall pictures.
 *
 * @param {RgbImage} image
 * @param {number} width of the whole result
 * @param {number} height of the whole result
 * @param {Crop} [crop]
 * @returns {RgbImage}
 */
export function resize(image, width, height, crop = { left: 0, top: 0, width, height }) {
  const columns = weightsOf(image.width, width, crop.left, crop.width);
  const rows = weightsOf(image.height, height, crop.top, crop.height);
  // As Pillow 13 chooses, for speed: rounding in between makes a difference.
  const removedRows = image.height - height;
  if (removedRows > 0 && removedRows > 2 * (image.width - width)) {
    return across(down(image, rows, 0), columns, 0, crop.height);
  }
  const firstRow = rows.first[0];
  const end = rows.first[crop.height - 1] + rows.weights[crop.height - 1].length;
  return down(across(image, columns, firstRow, end - firstRow), rows, firstRow);
}

/**
 * Resizes some rows of a picture in width.
 *
 * @param {RgbImage} image
 * @param {Weights} columns
 * @param {number} firstRow
 * @param {number} rowCount
 */
function across(image, columns, firstRow, rowCount) {
  const width = columns.first.length;
  const { data: source } = image;
  const data = new Uint8ClampedArray(CHANNELS * width * rowCount);
  let target = 0;
  for (let row = firstRow; row < firstRow + rowCount; row++) {
    const start = CHANNELS * image.width * row;
    for (let column = 0; column < width; column++) {
      const weights = columns.weights[column];
      let at = start + CHANNELS * columns.first[column];
      let [red, green, blue] = [HALF, HALF, HALF];
      for (let index = 0; index < weights.length; index++, at += CHANNELS) {
        const weight = weights[index];
        red += source[at] * weight;
        green += source[at + 1] * weight;
        blue += source[at + 2] * weight;
      }
      // The array clamps to 0 and 255.
      data[target++] = red >> PRECISION_BITS;
      data[target++] = green >> PRECISION_BITS;
      data[target++] = blue >> PRECISION_BITS;
    }
  }
  return { width, height: rowCount, data };
}

/**
 * Resizes a picture in height, of which the rows in front of `firstRow` are missing.
 *
 * @param {RgbImage} image
 * @param {Weights} rows
 * @param {number} firstRow
 */
function down(image, rows, firstRow) {
  const height = rows.first.length;
  const stride = CHANNELS * image.width;
  const { data: source } = image;
  const data = new Uint8ClampedArray(stride * height);
  const sums = new Int32Array(stride);
  for (let row = 0; row < height; row++) {
    const weights = rows.weights[row];
    sums.fill(HALF);
    for (let index = 0; index < weights.length; index++) {
      const weight = weights[index];
      const start = stride * (rows.first[row] - firstRow + index);
      for (let column = 0; column < stride; column++) {
        sums[column] += source[start + column] * weight;
      }
    }
    const target = stride * row;
    for (let column = 0; column < stride; column++) {
      data[target + column] = sums[column] >> PRECISION_BITS;
    }
  }
  return { width: image.width, height, data };
}

/**
 * Of the samples from `from` on, `wanted` in number, of a result of `target`.
 *
 * @param {number} source
 * @param {number} target
 * @param {number} from
 * @param {number} wanted
 * @returns {Weights}
 */
function weightsOf(source, target, from, wanted) {
  const first = new Int32Array(wanted);
  /** @type {Int32Array[]} */
  const weights = [];
  const scale = source / target;
  // The triangle reaches one sample of the result to each side, or of the source if that is
  // enlarged.
  const reach = Math.max(scale, 1);
  for (let index = 0; index < wanted; index++) {
    if (source === target) {
      first[index] = from + index;
      weights.push(Int32Array.of(ONE));
      continue;
    }
    const center = (from + index + 0.5) * scale;
    const low = Math.max(Math.trunc(center - reach + 0.5), 0);
    const high = Math.min(Math.trunc(center + reach + 0.5), source);
    first[index] = low;
    weights.push(triangle(low, high, center, 1 / reach));
  }
  return { first, weights };
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} center
 * @param {number} step
 */
function triangle(low, high, center, step) {
  const shares = Float64Array.from({ length: high - low }, (_, index) =>
    Math.max(1 - Math.abs((index + low - center + 0.5) * step), 0),
  );
  let sum = 0;
  for (const share of shares) sum += share;
  return Int32Array.from(shares, (share) =>
    Math.trunc((sum === 0 ? share : share / sum) * ONE + 0.5),
  );
}
