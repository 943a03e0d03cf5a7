import { present } from './prediction.js';
/** @import { Box, Boxes, Classes, Labels, Mask, Prediction, Scored, Values } from './prediction.js' */

/**
 * The scores of one class in both predictions.
 *
 * @typedef {object} ScorePair
 * @property {number} outputClass
 * @property {string} label
 * @property {number} first
 * @property {number} second
 */

/**
 * @typedef {object} ScoresComparison
 * @property {'classes' | 'labels'} type
 * @property {boolean} same whether both give the same answer: the same best class, or the same
 *   labels
 * @property {number} largestDifference of a score, in [0, 1]
 * @property {ScorePair[]} pairs in the order of the first prediction
 */

/**
 * @typedef {object} ValuesComparison
 * @property {'values'} type
 * @property {boolean} same whether all values are equal
 * @property {number} largestDifference
 */

/**
 * @typedef {object} BoxesComparison
 * @property {'boxes'} type
 * @property {boolean} same whether each box has its counterpart
 * @property {{first: Box, second: Box, iou: number}[]} pairs of the same class that overlap
 * @property {Box[]} onlyFirst
 * @property {Box[]} onlySecond
 */

/**
 * @typedef {object} MaskComparison
 * @property {'mask'} type
 * @property {boolean} same whether all pixels have the same class
 * @property {number} agreement share of the pixels with the same class, in [0, 1]
 * @property {Uint8Array} differs 1 for each pixel with another class, row by row
 */

/** @typedef {ScoresComparison | ValuesComparison | BoxesComparison | MaskComparison} Comparison */

// As detectors are evaluated.
const MATCHING_IOU = 0.5;

/**
 * In what the predictions of two models for one picture differ.
 *
 * @param {Prediction} first
 * @param {Prediction} second
 * @returns {Comparison | null} null if they cannot be compared: of other tasks, classes or sizes
 */
export function comparePredictions(first, second) {
  switch (first.type) {
    case 'classes':
    case 'labels':
      return compareScores(first, second);
    case 'values':
      return first.type === second.type ? compareValues(first, second) : null;
    case 'boxes':
      return first.type === second.type ? compareBoxes(first, second) : null;
    case 'mask':
      return first.type === second.type ? compareMasks(first, second) : null;
  }
}

/**
 * @param {Classes | Labels} first
 * @param {Prediction} second
 * @returns {ScoresComparison | null}
 */
function compareScores(first, second) {
  if (first.type !== second.type || !('ranked' in second)) return null;
  if (first.ranked.length !== second.ranked.length) return null;
  const scores = new Map(second.ranked.map((scored) => [scored.outputClass, scored]));
  /** @type {ScorePair[]} */
  const pairs = [];
  for (const { outputClass, label, score } of first.ranked) {
    const other = scores.get(outputClass);
    if (other?.label !== label) return null;
    pairs.push({ outputClass, label, first: score, second: other.score });
  }
  return {
    type: first.type,
    same: String(answer(first)) === String(answer(second)),
    largestDifference: Math.max(...pairs.map((pair) => Math.abs(pair.first - pair.second))),
    pairs,
  };
}

/** @param {Classes | Labels} prediction */
function answer(prediction) {
  /** @type {Scored[]} */
  const found = prediction.type === 'labels' ? present(prediction) : prediction.ranked.slice(0, 1);
  return found.map(({ outputClass }) => outputClass).sort((a, b) => a - b);
}

/**
 * @param {Values} first
 * @param {Values} second
 * @returns {ValuesComparison | null}
 */
function compareValues(first, second) {
  if (String(labels(first)) !== String(labels(second))) return null;
  const differences = first.values.map(({ value }, index) =>
    Math.abs(value - second.values[index].value),
  );
  const largestDifference = Math.max(0, ...differences);
  return { type: 'values', same: largestDifference === 0, largestDifference };
}

/** @param {Values} prediction */
function labels({ values }) {
  return values.map(({ label }) => label);
}

/**
 * Each box of the first, best first, gets the box of its class that overlaps it most.
 *
 * @param {Boxes} first
 * @param {Boxes} second
 * @returns {BoxesComparison}
 */
function compareBoxes(first, second) {
  const left = new Set(second.boxes);
  /** @type {BoxesComparison['pairs']} */
  const pairs = [];
  /** @type {Box[]} */
  const onlyFirst = [];
  for (const box of first.boxes) {
    /** @type {{second: Box, iou: number} | null} */
    let best = null;
    for (const other of left) {
      const iou = box.found.label === other.found.label ? intersectionOverUnion(box, other) : 0;
      if (iou >= MATCHING_IOU && iou > (best?.iou ?? 0)) best = { second: other, iou };
    }
    if (best === null) {
      onlyFirst.push(box);
    } else {
      left.delete(best.second);
      pairs.push({ first: box, ...best });
    }
  }
  const onlySecond = [...left];
  const same = onlyFirst.length === 0 && onlySecond.length === 0;
  return { type: 'boxes', same, pairs, onlyFirst, onlySecond };
}

/**
 * @param {Box} a
 * @param {Box} b
 */
function intersectionOverUnion(a, b) {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  const shared = Math.max(width, 0) * Math.max(height, 0);
  const union = area(a) + area(b) - shared;
  return union > 0 ? shared / union : 0;
}

/** @param {Box} box */
function area({ left, top, right, bottom }) {
  return (right - left) * (bottom - top);
}

/**
 * @param {Mask} first
 * @param {Mask} second
 * @returns {MaskComparison | null}
 */
function compareMasks(first, second) {
  if (first.height !== second.height || first.width !== second.width) return null;
  const differs = Uint8Array.from(first.classes, (id, index) =>
    id === second.classes[index] ? 0 : 1,
  );
  const count = differs.reduce((sum, differ) => sum + differ, 0);
  return { type: 'mask', same: count === 0, agreement: 1 - count / differs.length, differs };
}
