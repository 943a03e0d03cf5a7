import { damaged, ModelFileError, ValueError } from './errors.js';
import { JsonFields } from './json_fields.js';
import { CHANNEL_ORDERS, CROP_MODES, OUTPUT_KINDS, PROBLEM_TYPES, TASKS } from './model_info.js';
import { upgrade } from './model_info_v1.js';
import { parseObject } from './strict_json.js';
/** @import { ImageSpec, ModelInfo, OutputSpec } from './model_info.js' */
/** @import { JsonObject } from './strict_json.js' */

const SCHEMA_VERSION = 2;
const VERSION_KEY = 'schema_version';
const MAX_CLASSES = 100_000;
const MAX_SIDE = 2 ** 16;
const MAX_CHANNELS = 4;
const MAX_SEED = 2n ** 64n;

/**
 * Reads a description of schema version 1 or 2, which need not be trusted; the limits are those of
 * Python's reader.
 *
 * @param {string} text the JSON object
 * @param {string[]} [labels] lines of `labels.txt`, which descriptions of version 1 keep apart
 * @returns {ModelInfo}
 * @throws {ModelFileError} if a value is out of its range, or the schema is newer
 */
export function readModelInfo(text, labels = []) {
  try {
    const json = parseObject(text);
    const version = versionOf(json);
    if (version === 1) return info(upgrade(json, labels));
    if (version === SCHEMA_VERSION) return info(json);
    throw new ModelFileError(
      'unsupported',
      `Expected a description of schema version 1 to ${SCHEMA_VERSION}. Received: version ` +
        `${version}`,
      'Use a newer version of this page: the file was written by a newer keras_mobilevit.',
    );
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw damaged(`The description in the file cannot be read: ${error.message}`, error);
  }
}

/** @param {JsonObject} json */
function versionOf(json) {
  if (!json.has(VERSION_KEY)) return 1;
  return new JsonFields(json).int(VERSION_KEY, 1, 2 ** 31 - 1);
}

/**
 * @param {JsonObject} json
 * @returns {ModelInfo}
 */
function info(json) {
  const fields = new JsonFields(json);
  const labels = fields.texts('labels', MAX_CLASSES);
  const classes = fields.int('classes', 1, MAX_CLASSES, { nullable: true });
  if (labels.length > 0 && classes !== null && classes !== labels.length) {
    throw new ValueError(
      `\`labels\` must name each of the ${classes} \`classes\`. Received: ${labels.length} labels`,
    );
  }
  return {
    name: fields.text('name'),
    architecture: fields.text('architecture'),
    variant: fields.text('variant'),
    task: fields.choice('task', TASKS) ?? 'classification',
    labels,
    classes,
    image: image(fields.fields('image')),
    output: output(fields.fields('output')),
    licence: fields.text('licence'),
    trainingData: fields.text('training_data'),
    recipe: fields.text('recipe'),
    recipeFields: fields.json('recipe_fields'),
    calibrationImages: fields.int('calibration_images', 0, 1_000_000_000) ?? 0,
    calibrationSeed: fields.bigWhole('calibration_seed', 0n, MAX_SEED, { nullable: true }),
    compat: fields.text('compat'),
    fidelity: fields.json('fidelity'),
    selfTest: fields.json('self_test'),
    version: fields.text('version'),
  };
}

/**
 * @param {JsonFields} fields
 * @returns {ImageSpec}
 */
function image(fields) {
  const size = fields.isNull('size') ? null : fields.wholes('size', 1, MAX_SIDE);
  if (size !== null && size.length !== 2) fields.fail('size', '[height, width], or null');
  return {
    height: size?.[0] ?? null,
    width: size?.[1] ?? null,
    cropPct: fields.number('crop_pct', 'a number in (0, 1]', (it) => it > 0 && it <= 1) ?? 1,
    preResize: fields.int('pre_resize', 0, MAX_SIDE) ?? 0,
    cropMode: fields.choice('crop_mode', CROP_MODES) ?? 'center',
    interpolation: fields.text('interpolation', 'bilinear'),
    antialias: fields.flag('antialias', true),
    channelOrder: fields.has('channel_order')
      ? fields.choice('channel_order', CHANNEL_ORDERS, { nullable: true })
      : 'rgb',
    scale: fields.numbers('scale', MAX_CHANNELS, 'numbers above 0', (it) => it > 0) ?? [1],
    offset: fields.numbers('offset', MAX_CHANNELS) ?? [0],
  };
}

/**
 * @param {JsonFields} fields
 * @returns {OutputSpec}
 */
function output(fields) {
  return {
    kind: fields.choice('kind', OUTPUT_KINDS, { nullable: true }),
    problemType: fields.choice('problem_type', PROBLEM_TYPES, { nullable: true }),
    labelOffset: fields.int('label_offset', 0, 1) ?? 0,
    stride: fields.int('stride', 1, MAX_SIDE, { nullable: true }),
    decoding: fields.json('decoding'),
  };
}
