import { AppendedZip } from './appended_zip.js';
import { damaged, ModelFileError, unsupported } from './errors.js';
import { FileBytes } from './file_bytes.js';
import { readGraph } from './graph.js';
import { readModelInfo } from './model_info_reader.js';
/** @import { ModelInfo } from './model_info.js' */
/** @import { TensorSpec } from './tensor_spec.js' */

// Far more than 100,000 labels need.
const MAX_TEXT_BYTES = 2 ** 22;
const DESCRIPTION = 'model_info.json';
const DESCRIPTION_OF_VERSION_1 = 'keras_mobilevit.json';
const LABELS = 'labels.txt';

/**
 * What a `.tflite` file of keras_mobilevit says of itself.
 *
 * @typedef {object} ModelFile
 * @property {ModelInfo} info its description, with the size of the input even where it states none
 * @property {string} signature name of its signature; empty if it has none
 * @property {TensorSpec} input the one input, a picture `(1, height, width, channels)`
 * @property {TensorSpec[]} outputs of the graph, in its order
 * @property {number} height of the input in pixels
 * @property {number} width of the input in pixels
 * @property {number} channels of the input
 * @property {boolean} isDynamic whether a side of an input or output may change
 * @property {number} sizeBytes
 */

/**
 * Reads a file, which need not be trusted.
 *
 * @param {ArrayBuffer | Uint8Array} content
 * @returns {Promise<ModelFile>}
 * @throws {ModelFileError} if it is no `.tflite` file, is damaged, is not one of keras_mobilevit,
 *   or does not take one picture
 */
export async function readModelFile(content) {
  const bytes = new FileBytes(content);
  const graph = readGraph(bytes);
  const info = await readInfo(bytes);
  const input = imageInput(graph.inputs);
  const [, height, width, channels] = input.shape;
  return {
    info: { ...info, image: { ...info.image, height, width } },
    signature: graph.signature,
    input,
    outputs: graph.outputs,
    height,
    width,
    channels,
    isDynamic: graph.isDynamic,
    sizeBytes: bytes.size,
  };
}

/** @param {FileBytes} bytes */
async function readInfo(bytes) {
  const archive = AppendedZip.find(bytes);
  const current = await archive?.read(DESCRIPTION, MAX_TEXT_BYTES);
  if (typeof current === 'string') return readModelInfo(current);
  const old = await archive?.read(DESCRIPTION_OF_VERSION_1, MAX_TEXT_BYTES);
  if (typeof old !== 'string') {
    throw new ModelFileError(
      'not_ours',
      'Expected a file with a description by keras_mobilevit. Received: a .tflite file without one',
      'Export the model with keras_mobilevit, which tells this page how to use it. If it was, ' +
        'copy the file again: its end is missing.',
    );
  }
  const labels = await archive?.read(LABELS, MAX_TEXT_BYTES);
  if (typeof labels !== 'string') throw damaged(`Expected ${LABELS} in the file. Received: none`);
  return readModelInfo(old, lines(labels));
}

/** @param {string} text */
function lines(text) {
  const all = text.split(/\r\n|\r|\n/);
  while (all.at(-1) === '') all.pop();
  return all;
}

/** @param {TensorSpec[]} inputs */
function imageInput(inputs) {
  const [input] = inputs;
  if (
    inputs.length !== 1 ||
    input.shape.length !== 4 ||
    input.shape[0] !== 1 ||
    input.shape[3] > 4
  ) {
    throw unsupported(
      'Expected one input (1, height, width, channels) with 1 to 4 channels. Received: ' +
        JSON.stringify(inputs.map(({ shape }) => shape)),
    );
  }
  return input;
}
