import { JsonFields } from './json_fields.js';
import { JsonNumber } from './strict_json.js';
/** @import { Json, JsonObject } from './strict_json.js' */

/**
 * What a file ended in -> kind of its output.
 *
 * @type {ReadonlyMap<string, string>}
 */
const KINDS = new Map([
  ['raw', 'anchors'],
  ['nms', 'boxes'],
  ['logits', 'logits'],
  ['upsampled', 'logits'],
  ['mask', 'mask'],
]);
const FULL_SIZE = ['upsampled', 'mask'];

/**
 * Turns a description in a `.tflite` file of version 0.1, which had no schema version, into one of
 * version 2, as `MODEL_INFO.md` says.
 *
 * @param {JsonObject} json
 * @param {string[]} labels of its classes; those of a detector begin with the background
 * @returns {JsonObject}
 */
export function upgrade(json, labels) {
  const fields = new JsonFields(json);
  const ending = fields.text('ending');
  const task = fields.text('task', 'classification');
  const isDetector = task === 'detection';
  const isDense = isDetector || task === 'segmentation';
  const names = isDetector ? labels.slice(1) : labels;

  /** @type {JsonObject} */
  const image = new Map([['crop_mode', isDense ? 'squash' : 'center']]);
  move(json, 'crop_fraction', image, 'crop_pct');
  move(json, 'native_size', image, 'pre_resize');
  const size = json.get('size');
  if (size !== undefined) image.set('size', [size, size]);

  /** @type {JsonObject} */
  const output = new Map();
  const kind = KINDS.get(ending);
  if (kind !== undefined) output.set('kind', kind);
  if (FULL_SIZE.includes(ending)) output.set('stride', new JsonNumber('1'));
  output.set('label_offset', new JsonNumber(isDetector && ending !== 'nms' ? '1' : '0'));
  move(json, 'decoding', output, 'decoding');

  /** @type {JsonObject} */
  const upgraded = new Map(json);
  move(json, 'model', upgraded, 'name');
  upgraded.set('labels', names);
  upgraded.set('image', image);
  upgraded.set('output', output);
  upgraded.delete('classes');
  const all = fields.int('classes', 1, 2 ** 31 - 1);
  const classes = all === null ? names.length || null : all - (isDetector ? 1 : 0);
  if (classes !== null) upgraded.set('classes', new JsonNumber(String(classes)));
  return upgraded;
}

/**
 * @param {ReadonlyMap<string, Json>} source
 * @param {string} key
 * @param {JsonObject} target
 * @param {string} newKey
 */
function move(source, key, target, newKey) {
  const value = source.get(key);
  if (value !== undefined) target.set(newKey, value);
}
