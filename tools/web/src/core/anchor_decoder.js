import { clamp } from './box_decoder.js';
import { ModelFileError, unsupported, ValueError } from './errors.js';
import { JsonFields } from './json_fields.js';
import { labelOf } from './model_info.js';
import { bestFirst } from './prediction.js';
/** @import { ModelInfo } from './model_info.js' */
/** @import { Output } from './output_decoder.js' */
/** @import { Box, Boxes } from './prediction.js' */

const SIDES = 4;
const MAX_ANCHORS = 1_000_000;
const CENTER_VARIANCE = 0.1;
const SIZE_VARIANCE = 0.2;
const IOU_THRESHOLD = 0.5;
const MAX_CANDIDATES = 1000;
const MAX_BOXES = 200;

const { fround } = Math;

/** @typedef {[left: number, top: number, right: number, bottom: number]} Corners */

/**
 * @typedef {object} Candidate
 * @property {Corners} box
 * @property {number} outputClass
 * @property {number} score
 */

/**
 * @typedef {object} Anchors
 * @property {[number, number, number, number][]} boxes centre x and y, width and height, as shares
 *   of the sides of the input
 * @property {number} centerVariance
 * @property {number} sizeVariance
 */

/**
 * Decodes the predictions of a detector relative to its anchors, which `output.decoding`
 * describes, and suppresses boxes that overlap a better one of their class. Class 0 is the
 * background.
 *
 * It computes what `keras_mobilevit.detection.decode_predictions` does, with the same limits.
 *
 * @param {ModelInfo} info
 * @param {Output} output
 * @param {number} scoreThreshold
 * @returns {Boxes}
 */
export function decodeAnchors(info, output, scoreThreshold) {
  const anchors = readAnchors(info);
  const [count, channels] = output.shape;
  if (output.shape.length !== 2 || count !== anchors.boxes.length || channels <= SIDES + 1) {
    throw unsupported(
      `Expected predictions (1, ${anchors.boxes.length}, 4 + classes) of the anchors in the file. ` +
        `Received: [${output.spec.shape}]`,
    );
  }
  /** @type {Candidate[]} */
  const candidates = [];
  for (let index = 0; index < count; index++) {
    const values = output.values.subarray(channels * index, channels * (index + 1));
    const scores = softmax(values.subarray(SIDES));
    for (let outputClass = 1; outputClass < scores.length; outputClass++) {
      const score = scores[outputClass];
      if (!(score > scoreThreshold)) continue;
      candidates.push({ box: corners(values, anchors, index), outputClass, score });
    }
  }
  const best = bestFirst(candidates, ({ score }) => score).slice(0, MAX_CANDIDATES);
  return {
    type: 'boxes',
    boxes: suppress(best)
      .slice(0, MAX_BOXES)
      .map((candidate) => named(info, candidate)),
  };
}

/**
 * @param {ModelInfo} info
 * @returns {Anchors}
 */
function readAnchors(info) {
  try {
    const decoding = new JsonFields(info.output.decoding, 'output.decoding.');
    return {
      boxes: decoding.objects('levels').flatMap(anchorsOfLevel),
      centerVariance: fround(decoding.number('center_variance') ?? CENTER_VARIANCE),
      sizeVariance: fround(decoding.number('size_variance') ?? SIZE_VARIANCE),
    };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ModelFileError(
      'damaged',
      `The anchors in the file cannot be read: ${error.message}`,
      "Export the detector with the output head 'nms', or with a current version of " +
        'keras_mobilevit.',
      { cause: error },
    );
  }
}

/**
 * @param {JsonFields} level
 * @returns {Anchors['boxes']}
 */
function anchorsOfLevel(level) {
  const rows = level.int('rows', 1, MAX_ANCHORS) ?? level.fail('rows', 'there');
  const columns = level.int('columns', 1, MAX_ANCHORS) ?? level.fail('columns', 'there');
  const shapes = level.lists('shapes', SIDES / 2);
  if (rows * columns * shapes.length > MAX_ANCHORS) {
    throw new ValueError(
      `Expected at most ${MAX_ANCHORS} anchors. Received: ${rows} x ${columns} of them`,
    );
  }
  /** @type {Anchors['boxes']} */
  const boxes = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (const [width, height] of shapes) {
        boxes.push([
          fround((column + 0.5) / columns),
          fround((row + 0.5) / rows),
          fround(width),
          fround(height),
        ]);
      }
    }
  }
  return boxes;
}

/**
 * In single precision, as Python computes.
 *
 * @param {Float32Array} offsets
 * @param {Anchors} anchors
 * @param {number} index
 * @returns {Corners}
 */
function corners(offsets, { boxes, centerVariance, sizeVariance }, index) {
  const [centerX, centerY, width, height] = boxes[index];
  const x = fround(centerX + fround(fround(offsets[0] * centerVariance) * width));
  const y = fround(centerY + fround(fround(offsets[1] * centerVariance) * height));
  const halfWidth = half(fround(offsets[2] * sizeVariance), width);
  const halfHeight = half(fround(offsets[3] * sizeVariance), height);
  return [
    fround(x - halfWidth),
    fround(y - halfHeight),
    fround(x + halfWidth),
    fround(y + halfHeight),
  ];
}

/**
 * @param {number} logarithm
 * @param {number} side
 */
function half(logarithm, side) {
  return fround(fround(fround(Math.exp(logarithm)) * side) / 2);
}

/** @param {Float32Array} logits */
function softmax(logits) {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((logit) => Math.exp(fround(logit - largest)));
  const sum = powers.reduce((a, b) => fround(a + b), 0);
  return powers.map((power) => power / sum);
}

/** @param {Candidate[]} candidates best first */
function suppress(candidates) {
  /** @type {Candidate[]} */
  const kept = [];
  for (const candidate of candidates) {
    const isBeaten = kept.some(
      ({ outputClass, box }) =>
        outputClass === candidate.outputClass && overlaps(box, candidate.box),
    );
    if (!isBeaten) kept.push(candidate);
  }
  return kept;
}

/**
 * @param {Corners} a
 * @param {Corners} b
 */
function overlaps(a, b) {
  const width = fround(Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = fround(Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const shared = fround(Math.max(width, 0) * Math.max(height, 0));
  const union = fround(fround(area(a) - shared) + area(b));
  return shared > fround(IOU_THRESHOLD * union);
}

/** @param {Corners} box */
function area([left, top, right, bottom]) {
  return fround(fround(right - left) * fround(bottom - top));
}

/**
 * @param {ModelInfo} info
 * @param {Candidate} candidate
 * @returns {Box}
 */
function named(info, { box, outputClass, score }) {
  const [left, top, right, bottom] = box.map(clamp);
  const label = labelOf(info, outputClass);
  return { found: { outputClass, label, score }, left, top, right, bottom };
}
