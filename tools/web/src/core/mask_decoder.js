import { unsupported } from './errors.js';
/** @import { ModelInfo } from './model_info.js' */
/** @import { Output } from './output_decoder.js' */
/** @import { Mask } from './prediction.js' */

/**
 * From class ids or scores of the cells of a map to the class of each pixel of the input.
 *
 * @param {ModelInfo} info
 * @param {Output} output
 * @returns {Mask}
 */
export function decodeMask(info, output) {
  switch (info.output.kind) {
    case 'mask':
      return ids(output);
    case 'logits':
    case 'probabilities':
      return largest(info, output);
    default:
      throw unsupported(`Expected a mask, logits or probabilities. Received: ${info.output.kind}`);
  }
}

/**
 * @param {Output} output
 * @returns {Mask}
 */
function ids({ spec, shape, values }) {
  const [height, width, channels = 1] = shape;
  if (shape.length < 2 || shape.length > 3 || channels !== 1) {
    throw unsupported(`Expected a mask (1, height, width). Received: [${spec.shape}]`);
  }
  return { type: 'mask', height, width, classes: Int32Array.from(values) };
}

/**
 * Interpolates the scores, and takes the class of the largest.
 *
 * @param {ModelInfo} info
 * @param {Output} output
 * @returns {Mask}
 */
function largest(info, { spec, shape, values }) {
  if (shape.length !== 3) {
    throw unsupported(`Expected scores (1, rows, columns, classes). Received: [${spec.shape}]`);
  }
  const [rows, columns, count] = shape;
  const height = info.image.height ?? rows;
  const width = info.image.width ?? columns;
  const down = interpolation(rows, height);
  const across = interpolation(columns, width);

  /**
   * A row of the map, as wide as the mask.
   *
   * @param {number} row
   */
  function widened(row) {
    const wide = new Float32Array(width * count);
    const start = row * columns * count;
    for (let x = 0, to = 0; x < width; x++) {
      const low = start + across.low[x] * count;
      const high = start + across.high[x] * count;
      for (let c = 0; c < count; c++, to++) {
        wide[to] = between(values[low + c], values[high + c], across.weight[x]);
      }
    }
    return wide;
  }

  /** @type {Map<number, Float32Array>} */
  const wide = new Map();
  const classes = new Int32Array(height * width);
  for (let y = 0; y < height; y++) {
    const [low, high] = [down.low[y], down.high[y]];
    // Two rows at a time.
    for (const row of wide.keys()) if (row !== low && row !== high) wide.delete(row);
    const first = wide.get(low) ?? widened(low);
    const second = high === low ? first : (wide.get(high) ?? widened(high));
    wide.set(low, first).set(high, second);
    for (let x = 0, at = 0; x < width; x++) {
      let best = -Infinity;
      for (let c = 0; c < count; c++, at++) {
        const score = between(first[at], second[at], down.weight[y]);
        if (score > best) {
          best = score;
          classes[y * width + x] = c;
        }
      }
    }
  }
  return { type: 'mask', height, width, classes };
}

/**
 * In single precision, as Python.
 *
 * @param {number} first
 * @param {number} second
 * @param {number} weight
 */
function between(first, second, weight) {
  return Math.fround(first + Math.fround(weight * Math.fround(second - first)));
}

/**
 * Where samples of a line lie in between those of another; the centres of pixels lie at the half.
 *
 * @param {number} source
 * @param {number} target
 */
function interpolation(source, target) {
  const low = new Int32Array(target);
  const high = new Int32Array(target);
  const weight = new Float32Array(target);
  for (let index = 0; index < target; index++) {
    const at = Math.min(Math.max(((index + 0.5) * source) / target - 0.5, 0), source - 1);
    low[index] = Math.floor(at);
    high[index] = Math.min(low[index] + 1, source - 1);
    weight[index] = at - low[index];
  }
  return { low, high, weight };
}
