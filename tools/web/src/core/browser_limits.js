import { ModelFileError } from './errors.js';
/** @import { ModelFile } from './model_file.js' */
/** @import { ModelInfo } from './model_info.js' */
/** @import { DType } from './tensor_spec.js' */

/**
 * Types of inputs and outputs that LiteRT.js takes.
 *
 * @type {readonly DType[]}
 */
const DTYPES = ['float32', 'int32', 'uint8'];

/**
 * Checks that LiteRT.js can run a file, which it otherwise says late and in its own words.
 *
 * @param {ModelFile} model
 * @throws {ModelFileError} if it takes or gives numbers of a type that it cannot pass on, or the
 *   size of its input is not fixed
 */
export function checkBrowserCanRun(model) {
  for (const tensor of [model.input, ...model.outputs]) {
    if (DTYPES.includes(tensor.dtype)) continue;
    throw new ModelFileError(
      'int8_input',
      `Expected inputs and outputs of a type in ${DTYPES.join(', ')}, which a browser can pass ` +
        `on. Received: '${tensor.name}' of ${tensor.dtype}`,
      "Export the model with the recipe 'int8', which computes in int8 and takes float32.",
    );
  }
  if (model.isDynamic) {
    throw new ModelFileError(
      'dynamic_batch',
      'Expected a file for one picture of fixed size. Received: one whose batch or sides may ' +
        'change',
      'Export the model with keras_mobilevit, which fixes the size of the input.',
    );
  }
}

/** Recipes whose files compute in float. */
const FLOAT_RECIPES = ['float32', 'float16'];

/**
 * Whether WebGPU computes what a file says: LiteRT.js runs int8 files there, too, but the answers
 * may have nothing to do with Python's.
 *
 * @param {ModelInfo} info
 */
export function mayRunOnGpu({ recipe }) {
  return FLOAT_RECIPES.includes(recipe);
}
