import { checkBrowserCanRun } from '../core/browser_limits.js';
import { encodeInput } from '../core/input_encoder.js';
import { readModelFile } from '../core/model_file.js';
import { decodeOutputs } from '../core/output_decoder.js';
import { fit } from '../core/preprocessing.js';
import { checkSelfTest, hasSelfTest, selfTestInput, validateSelfTest } from '../core/self_test.js';
import { TEXTS } from './texts.js';
/** @import { ModelFile } from '../core/model_file.js' */
/** @import { OutputValues } from '../core/output_decoder.js' */
/** @import { Prediction } from '../core/prediction.js' */
/** @import { RgbImage } from '../core/rgb_image.js' */
/** @import { SelfTestResult } from '../core/self_test.js' */
/** @import { Runner } from '../runtime/client.js' */
/** @import { LoadReceipt } from '../runtime/engine.js' */

/**
 * A file that the runtime has loaded.
 *
 * @typedef {object} Model
 * @property {string} key its name in the runtime
 * @property {string} name of the file
 * @property {string} title what to call it beside others
 * @property {string | null} address of it on this site; null if the user opened it
 * @property {Uint8Array} bytes
 * @property {ModelFile} file
 * @property {LoadReceipt} receipt
 */

let count = 0;

/**
 * @param {Runner} runner
 * @param {string} name of the file
 * @param {Uint8Array} bytes
 * @param {string | null} address
 * @returns {Promise<Model>}
 */
export async function openModel(runner, name, bytes, address = null) {
  const file = await readModelFile(bytes);
  checkBrowserCanRun(file);
  const key = `${name}#${++count}`;
  const receipt = await runner.load(key, bytes);
  return { key, name, title: file.info.recipe || name, address, bytes, file, receipt };
}

/**
 * The same file on the GPU.
 *
 * @param {Runner} runner
 * @param {Model} model
 * @returns {Promise<Model>}
 */
export async function onGpu(runner, model) {
  const key = `${model.key} on the GPU`;
  const receipt = await runner.load(key, model.bytes, { accelerator: 'webgpu' });
  return { ...model, key, title: TEXTS.gpuOf(model.title), receipt };
}

/**
 * Whether there are two files to compare: of the same task and classes.
 *
 * @param {Model[]} models
 */
export function haveSameTask([first, second]) {
  if (second === undefined) return false;
  const [a, b] = [first.file.info, second.file.info];
  return a.task === b.task && String(a.labels) === String(b.labels);
}

/**
 * @param {Runner} runner
 * @param {Model} model
 * @param {RgbImage} picture
 * @returns {Promise<{prediction: Prediction, outputs: OutputValues}>} and the values it is made of
 */
export async function predict(runner, { key, file }, picture) {
  const { info, input, outputs, height, width } = file;
  const fitted = fit(picture, height, width, info.image);
  const values = await runner.run(key, encodeInput(fitted, info.image, input));
  return { prediction: decodeOutputs(info, outputs, values), outputs: values };
}

/**
 * @param {Runner} runner
 * @param {Model} model
 * @returns {Promise<SelfTestResult | null>} null if the file has none
 */
export async function runSelfTest(runner, { key, file }) {
  const { info, input, outputs } = file;
  if (!hasSelfTest(info)) return null;
  validateSelfTest(info, outputs);
  const values = await runner.run(key, selfTestInput(info.image, input));
  return checkSelfTest(info, outputs, values);
}
