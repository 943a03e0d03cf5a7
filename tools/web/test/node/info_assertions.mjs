import assert from 'node:assert/strict';
import { plain } from '../../src/core/strict_json.js';
/** @import { ModelInfo } from '../../src/core/model_info.js' */

/**
 * Compares a description with its JSON form, as Python wrote it, field by field.
 *
 * @param {any} expected
 * @param {ModelInfo} info
 * @param {{withRecipeFields?: boolean}} [options]
 */
export function assertInfoEquals(expected, info, { withRecipeFields = true } = {}) {
  const { image, output } = info;
  const seed = info.calibrationSeed;
  const actual = {
    schema_version: 2,
    name: info.name,
    architecture: info.architecture,
    variant: info.variant,
    task: info.task,
    labels: info.labels,
    classes: info.classes,
    image: {
      size: image.height === null ? null : [image.height, image.width],
      crop_pct: image.cropPct,
      pre_resize: image.preResize,
      crop_mode: image.cropMode,
      interpolation: image.interpolation,
      antialias: image.antialias,
      channel_order: image.channelOrder,
      scale: image.scale.length === 1 ? image.scale[0] : image.scale,
      offset: image.offset.length === 1 ? image.offset[0] : image.offset,
    },
    output: {
      kind: output.kind,
      problem_type: output.problemType,
      label_offset: output.labelOffset,
      stride: output.stride,
      decoding: plain(output.decoding),
    },
    licence: info.licence,
    training_data: info.trainingData,
    recipe: info.recipe,
    // Names of fields of old files that were renamed since stay what they are.
    recipe_fields: withRecipeFields ? plain(info.recipeFields) : expected.recipe_fields,
    calibration_images: info.calibrationImages,
    calibration_seed: seed === null ? null : Number(seed),
    compat: info.compat,
    fidelity: plain(info.fidelity),
    self_test: plain(info.selfTest),
    version: info.version,
  };
  // Python keeps unknown keys.
  const known = Object.fromEntries(Object.keys(actual).map((key) => [key, expected[key]]));
  // Without what only JavaScript has, such as prototypes.
  assert.deepEqual(JSON.parse(JSON.stringify(actual)), known);
}
