import { readdirSync, readFileSync } from 'node:fs';
import { readModelInfo } from '../../src/core/model_info_reader.js';
import { readModelFile } from '../../src/core/model_file.js';
import { tensorData } from '../../src/core/tensor_data.js';
/** @import { ModelInfo } from '../../src/core/model_info.js' */
/** @import { TensorSpec } from '../../src/core/tensor_spec.js' */

/** What `tools/make_golden_values.py` wrote: tests fail without it. */
export const FOLDER = new URL('../../../golden_values/build/values/', import.meta.url);
const BUNDLED = new URL('../../../golden_values/build/bundled/', import.meta.url);

/** @param {string} path */
export function bytes(path) {
  return readBytes(new URL(path, FOLDER));
}

/**
 * @param {string} path
 * @returns {any}
 */
export function json(path) {
  return JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8'));
}

/** @param {string} folder */
export function names(folder) {
  return readdirSync(new URL(folder, FOLDER));
}

/**
 * One of the two files that the page brings along.
 *
 * @param {'float32' | 'int8'} recipe
 */
export function bundledModel(recipe) {
  return readBytes(new URL(`mobilevit_xxs_cifar10_${recipe}.tflite`, BUNDLED));
}

/** @param {URL} url */
function readBytes(url) {
  return new Uint8Array(readFileSync(url));
}

/**
 * A description with some keys.
 *
 * @param {Record<string, unknown>} fields
 * @returns {ModelInfo}
 */
export function info(fields) {
  return readModelInfo(JSON.stringify({ schema_version: 2, ...fields }));
}

/**
 * @param {any} facts of a tensor, as Python writes them
 * @param {number[]} [shape]
 * @param {string} [name]
 * @returns {TensorSpec}
 */
export function tensorSpec(facts, shape = facts.shape, name = facts.name ?? 'tensor') {
  const { dtype, scale, zero_point: zeroPoint = 0 } = facts;
  return { name, dtype, shape, scale: scale ? Math.fround(scale) : null, zeroPoint };
}

/** A file that Python exported, and what Python says of it. */
export class GoldenModel {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.facts = json(`models/${name}.json`);
    this.content = bytes(`models/${name}.tflite`);
  }

  read() {
    return readModelFile(this.content);
  }

  /** The picture that Python predicted. */
  get picture() {
    const [height, width] = this.facts.picture_shape;
    return { width, height, data: this.bytes('picture.rgb') };
  }

  /** @param {string} path */
  bytes(path) {
    return bytes(`models/${this.name}/${path}`);
  }

  /**
   * Outputs of Python's interpreter for an input.
   *
   * @param {'picture' | 'self_test'} input
   */
  outputs(input) {
    /** @type {TensorSpec[]} */
    const specs = this.facts.outputs;
    return Object.fromEntries(
      specs.map(({ name, dtype }) => [name, tensorData(dtype, this.bytes(`${input}.${name}`))]),
    );
  }
}

export const MODELS = [
  'classifier_float32',
  'classifier_int8',
  'tiny_int8_full',
  'altered',
  'raw_int8',
  'nms_float32',
  'logits_int8',
  'logits_float32',
  'mask_int8',
  'v1_classifier_float32',
  'v1_classifier_int8',
  'v1_detector_nms_float32',
  'v1_detector_raw_int8',
  'v1_segmenter_logits_int8',
  'v1_segmenter_mask_float32',
];
