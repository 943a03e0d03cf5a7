import { damaged, unsupported } from './errors.js';
import { bestFirst } from './prediction.js';
/** @import { ModelInfo } from './model_info.js' */
/** @import { Output } from './output_decoder.js' */
/** @import { Prediction, Scored } from './prediction.js' */
/** @import { TensorSpec } from './tensor_spec.js' */

const SUM_TOLERANCE = 0.05;
const BACKGROUND = 'background';

/**
 * From the numbers of a classifier to names; Python's `named_results` does the same.
 *
 * @param {ModelInfo} info
 * @param {Output} output
 * @returns {Prediction}
 */
export function decodeClasses(info, output) {
  if (output.shape.length !== 1) {
    throw unsupported(`Expected an output (1, numbers). Received: [${output.spec.shape}]`);
  }
  const scores = [...output.values];
  const labels = labelsOf(info);
  switch (info.output.problemType) {
    case 'regression': {
      const names = namesOf(labels, scores.length);
      return {
        type: 'values',
        values: scores.map((value, index) => ({ label: names[index], value })),
      };
    }
    case 'multi_label':
      return { type: 'labels', ranked: ranked(independent(info, scores), labels) };
    default:
      return {
        type: 'classes',
        ranked:
          scores.length === 1
            ? twoClasses(info, scores, labels)
            : ranked(probabilities(info, scores, output.spec), labels),
      };
  }
}

/** @param {ModelInfo} info */
function labelsOf({ labels, output }) {
  return labels.length === 0 ? [] : [...Array(output.labelOffset).fill(BACKGROUND), ...labels];
}

/**
 * One number is the score of the second class.
 *
 * @param {ModelInfo} info
 * @param {number[]} scores
 * @param {string[]} labels
 */
function twoClasses(info, scores, labels) {
  const [second] = independent(info, scores);
  const names = labels.length === 1 ? [`not ${labels[0]}`, labels[0]] : labels;
  return ranked([1 - second, second], names);
}

/**
 * @param {ModelInfo} info
 * @param {number[]} scores
 * @param {TensorSpec} spec
 */
function probabilities(info, scores, spec) {
  return areProbabilities(info, scores, spec) ? scores : softmax(scores);
}

/**
 * If the file does not say, they are if none is negative and they sum to one.
 *
 * @param {ModelInfo} info
 * @param {number[]} scores
 * @param {TensorSpec} spec
 */
function areProbabilities(info, scores, spec) {
  const { kind } = info.output;
  if (kind === 'probabilities' || kind === 'logits') return kind === 'probabilities';
  // Rounding can move all of them in the same direction.
  const tolerance = Math.max(SUM_TOLERANCE, (scores.length * (spec.scale ?? 0)) / 2);
  return scores.every((score) => score >= 0) && Math.abs(sum(scores) - 1) <= tolerance;
}

/**
 * Probability of each by itself, as of sigmoids.
 *
 * @param {ModelInfo} info
 * @param {number[]} scores
 */
function independent(info, scores) {
  const { kind } = info.output;
  const areLogits =
    kind === 'logits' ||
    (kind !== 'probabilities' && !scores.every((score) => score >= 0 && score <= 1));
  return areLogits ? scores.map((score) => 0.5 * (1 + Math.tanh(score / 2))) : scores;
}

/** @param {number[]} logits */
function softmax(logits) {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const all = sum(powers);
  return powers.map((power) => power / all);
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/**
 * @param {number[]} scores
 * @param {string[]} labels
 * @returns {Scored[]}
 */
function ranked(scores, labels) {
  const names = namesOf(labels, scores.length);
  const all = scores.map((score, outputClass) => ({
    outputClass,
    label: names[outputClass],
    score,
  }));
  return bestFirst(all, ({ score }) => score);
}

/**
 * @param {string[]} labels
 * @param {number} count
 */
function namesOf(labels, count) {
  if (labels.length === 0) return Array.from({ length: count }, (_, index) => String(index));
  if (labels.length !== count) {
    throw damaged(`Expected ${count} labels. Received: ${labels.length}`);
  }
  return labels;
}
