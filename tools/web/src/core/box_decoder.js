import { unsupported } from './errors.js';
import { labelOf } from './model_info.js';
import { bestFirst } from './prediction.js';
/** @import { ModelInfo } from './model_info.js' */
/** @import { Output } from './output_decoder.js' */
/** @import { Boxes } from './prediction.js' */

const SIDES = 4;

/**
 * Reads the boxes of a detector with non-maximum suppression in its graph.
 *
 * @param {ModelInfo} info
 * @param {Output[]} outputs
 * @param {number} scoreThreshold
 * @returns {Boxes}
 */
export function decodeBoxes(info, outputs, scoreThreshold) {
  const corners = find(outputs, 'boxes');
  const classes = find(outputs, 'classes').values;
  const scores = find(outputs, 'scores').values;
  const [count] = find(outputs, 'count').values;
  const room = scores.length;
  if (
    corners.shape.at(-1) !== SIDES ||
    corners.values.length !== SIDES * room ||
    classes.length !== room
  ) {
    throw unsupported(
      'Expected boxes (1, n, 4), classes and scores (1, n). Received: ' +
        JSON.stringify(outputs.map(({ spec }) => spec.shape)),
    );
  }
  // Of a broken detector it may be anything.
  const used = Math.min(Math.max(Math.trunc(count) || 0, 0), room);
  const found = Array.from({ length: used }, (_, index) => index).filter(
    (index) => scores[index] > scoreThreshold,
  );
  return {
    type: 'boxes',
    boxes: bestFirst(found, (index) => scores[index]).map((index) => {
      const [top, left, bottom, right] = [...corners.values.subarray(SIDES * index)]
        .slice(0, SIDES)
        .map(clamp);
      const outputClass = Math.trunc(classes[index]) || 0;
      const score = scores[index];
      const label = labelOf(info, outputClass);
      return { found: { outputClass, label, score }, left, top, right, bottom };
    }),
  };
}

/**
 * A share of a side, within the picture.
 *
 * @param {number} value
 */
export function clamp(value) {
  return Math.min(Math.max(value, 0), 1);
}

/**
 * @param {Output[]} outputs
 * @param {string} name
 */
function find(outputs, name) {
  const output = outputs.find(({ spec }) => spec.name === name);
  if (output !== undefined) return output;
  throw unsupported(
    'Expected the outputs boxes, classes, scores and count. Received: ' +
      `${outputs.map(({ spec }) => spec.name)}`,
  );
}
