/** @import { JsonObject } from './strict_json.js' */

/** @typedef {'classification' | 'segmentation' | 'detection'} Task */
/** @typedef {'logits' | 'probabilities' | 'anchors' | 'boxes' | 'mask'} OutputKind */
/** @typedef {'single_label' | 'binary' | 'multi_label' | 'regression'} ProblemType */
/** @typedef {'center' | 'squash'} CropMode */
/** @typedef {'rgb' | 'bgr' | 'gray'} ChannelOrder */

/**
 * How a picture becomes the input of a model.
 *
 * @typedef {object} ImageSpec
 * @property {number | null} height of the input in pixels; null if unknown, as `width` then is
 * @property {number | null} width
 * @property {number} cropPct side of the centre crop over that of the resized picture, in (0, 1]
 * @property {number} preResize short side that a picture is reduced to first, in pixels; 0: none
 * @property {CropMode} cropMode whether it is cropped to its centre
 * @property {string} interpolation how it is resized; only `bilinear` is supported
 * @property {boolean} antialias whether downscaling averages; only true is supported
 * @property {ChannelOrder | null} channelOrder null if the input is no such picture
 * @property {number[]} scale input = pixel · scale + offset; one number, or one for each channel
 * @property {number[]} offset
 */

/**
 * What the outputs of a model mean.
 *
 * @typedef {object} OutputSpec
 * @property {OutputKind | null} kind null if unknown
 * @property {ProblemType | null} problemType of a classifier; null if unknown
 * @property {number} labelOffset class of the output that the first label names, 0 or 1
 * @property {number | null} stride pixels of the input per cell of the output
 * @property {JsonObject} decoding how to decode the output, not checked
 */

/**
 * The description that a file of keras_mobilevit carries. `MODEL_INFO.md` of that package
 * documents each key; texts are empty where the file does not say.
 *
 * @typedef {object} ModelInfo
 * @property {string} name
 * @property {string} architecture
 * @property {string} variant
 * @property {Task} task
 * @property {string[]} labels class names; of a detector without the background
 * @property {number | null} classes number of classes, counted as `labels` are
 * @property {ImageSpec} image
 * @property {OutputSpec} output
 * @property {string} licence
 * @property {string} trainingData
 * @property {string} recipe how the file was quantized, such as `float32` or `int8`
 * @property {JsonObject} recipeFields not checked
 * @property {number} calibrationImages
 * @property {bigint | null} calibrationSeed null if the caller chose the images
 * @property {string} compat
 * @property {JsonObject} fidelity measured in comparison with float32, not checked
 * @property {JsonObject} selfTest record of the self-test, not checked; empty if there is none
 * @property {string} version version of keras_mobilevit that wrote the file
 */

/** @type {readonly Task[]} */
export const TASKS = ['classification', 'segmentation', 'detection'];
/** @type {readonly OutputKind[]} */
export const OUTPUT_KINDS = ['logits', 'probabilities', 'anchors', 'boxes', 'mask'];
/** @type {readonly ProblemType[]} */
export const PROBLEM_TYPES = ['single_label', 'binary', 'multi_label', 'regression'];
/** @type {readonly CropMode[]} */
export const CROP_MODES = ['center', 'squash'];
/** @type {readonly ChannelOrder[]} */
export const CHANNEL_ORDERS = ['rgb', 'bgr', 'gray'];

/**
 * Name of a class of the output: its label, `background`, or its number if it has no name.
 *
 * @param {ModelInfo} info
 * @param {number} outputClass
 */
export function labelOf(info, outputClass) {
  const index = outputClass - info.output.labelOffset;
  if (info.labels.length === 0) return String(outputClass);
  return index < 0 ? 'background' : (info.labels[index] ?? String(outputClass));
}
