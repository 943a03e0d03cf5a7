import { decodeAnchors } from './anchor_decoder.js';
import { decodeBoxes } from './box_decoder.js';
import { decodeClasses } from './class_decoder.js';
import { unsupported, ValueError } from './errors.js';
import { decodeMask } from './mask_decoder.js';
import { dequantized } from './tensor_data.js';
/** @import { ModelInfo } from './model_info.js' */
/** @import { Boxes, Prediction } from './prediction.js' */
/** @import { TensorData } from './tensor_data.js' */
/** @import { TensorSpec } from './tensor_spec.js' */

/** Least score of a box that is worth drawing. */
export const SCORE_THRESHOLD = 0.3;

/**
 * An output tensor and the numbers that its values stand for.
 *
 * @typedef {object} Output
 * @property {TensorSpec} spec
 * @property {number[]} shape sides without the batch, which is 1
 * @property {Float32Array} values
 */

/**
 * Values of outputs by their names.
 *
 * @typedef {Readonly<Record<string, TensorData>>} OutputValues
 */

/**
 * From output tensors to what they mean: decodes the outputs of a model for one picture.
 *
 * @param {ModelInfo} info
 * @param {readonly TensorSpec[]} outputs as `ModelFile.outputs`
 * @param {OutputValues} values of each of `outputs`
 * @param {number} [scoreThreshold] only boxes above it are given, in [0, 1]
 * @returns {Prediction}
 * @throws {ModelFileError} if the outputs are not as the description says, or it does not say how
 *   to decode them
 * @throws {ValueError} if the values do not fit their tensors
 */
export function decodeOutputs(info, outputs, values, scoreThreshold = SCORE_THRESHOLD) {
  const decoded = outputs.map((spec) => ({
    spec,
    shape: spec.shape.slice(1),
    values: dequantized(spec, valuesOf(values, spec.name)),
  }));
  switch (info.task) {
    case 'classification':
      return decodeClasses(info, single(decoded, info));
    case 'segmentation':
      return decodeMask(info, single(decoded, info));
    case 'detection':
      return detect(info, decoded, scoreThreshold);
  }
}

/**
 * @param {OutputValues} values
 * @param {string} name
 */
export function valuesOf(values, name) {
  if (!Object.hasOwn(values, name)) {
    throw new ValueError(`Expected values of '${name}'. Received: those of ${Object.keys(values)}`);
  }
  return values[name];
}

/**
 * @param {ModelInfo} info
 * @param {Output[]} outputs
 * @param {number} scoreThreshold
 * @returns {Boxes}
 */
function detect(info, outputs, scoreThreshold) {
  switch (info.output.kind) {
    case 'boxes':
      return decodeBoxes(info, outputs, scoreThreshold);
    case 'anchors':
      return decodeAnchors(info, single(outputs, info), scoreThreshold);
    default:
      throw unsupported(
        `Expected a detector whose output is boxes or anchors. Received: ${info.output.kind}`,
      );
  }
}

/**
 * @param {Output[]} outputs
 * @param {ModelInfo} info
 */
function single(outputs, info) {
  if (outputs.length === 1) return outputs[0];
  throw unsupported(
    `Expected one output of a model for ${info.task}. Received: ` +
      `${outputs.map(({ spec }) => spec.name)}`,
  );
}
