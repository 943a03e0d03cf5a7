import { damaged, ModelFileError, unsupported } from './errors.js';
import { FlatTable } from './flat_table.js';
import { BYTES, sizeOf } from './tensor_spec.js';
/** @import { FileBytes } from './file_bytes.js' */
/** @import { DType, TensorSpec } from './tensor_spec.js' */

const IDENTIFIER = 'TFL3';
const MAX_RANK = 8;
const MAX_VALUES = 2 ** 28;
/**
 * Codes of the schema's `TensorType`.
 *
 * @type {ReadonlyMap<number, DType>}
 */
const DTYPES = new Map([
  [0, 'float32'],
  [2, 'int32'],
  [3, 'uint8'],
  [4, 'int64'],
  [6, 'bool'],
  [7, 'int16'],
  [9, 'int8'],
]);

/**
 * Inputs and outputs of the graph in a `.tflite` file.
 *
 * @typedef {object} Graph
 * @property {string} signature its name; empty if there is none
 * @property {TensorSpec[]} inputs
 * @property {TensorSpec[]} outputs
 * @property {boolean} isDynamic whether a side of an input or output may change
 */

/**
 * Reads the graph. Numbers of fields are those of LiteRT's `schema.fbs`.
 *
 * @param {FileBytes} bytes
 * @returns {Graph}
 * @throws {ModelFileError} if it is no TFLite file, damaged, or not supported
 */
export function readGraph(bytes) {
  if (bytes.size < 8 || bytes.text(4, 4) !== IDENTIFIER) {
    throw new ModelFileError(
      'not_ours',
      `Expected a .tflite file, which has '${IDENTIFIER}' at byte 4. Received: another one, of ` +
        `${bytes.size} bytes`,
      'Choose a .tflite file that keras_mobilevit exported.',
    );
  }
  const model = FlatTable.root(bytes);
  const graph = model.tables(2).get(0);
  const signature = firstSignature(model);
  const tensors = graph.tables(0);
  const [inputs, outputs] = [1, 2].map((field) => {
    const names = signatureNames(signature, field - 1);
    return graph.ints(field).map((index) => spec(tensors.get(index), names.get(index)));
  });
  const isDynamic = [1, 2].some((field) =>
    graph.ints(field).some((index) =>
      tensors
        .get(index)
        .ints(7)
        .some((side) => side < 0),
    ),
  );
  return { signature: signature?.text(2) ?? '', inputs, outputs, isDynamic };
}

/**
 * The first signature of the first subgraph.
 *
 * @param {FlatTable} model
 */
function firstSignature(model) {
  return model
    .tables(7)
    .toList()
    .find((signature) => signature.uint(4) === 0);
}

/**
 * Index of a tensor to its name in a signature.
 *
 * @param {FlatTable | undefined} signature
 * @param {number} field
 * @returns {Map<number, string>}
 */
function signatureNames(signature, field) {
  const entries = signature?.tables(field).toList() ?? [];
  return new Map(entries.map((entry) => [entry.uint(1), entry.text(0)]));
}

/**
 * @param {FlatTable} tensor
 * @param {string | undefined} signatureName
 * @returns {TensorSpec}
 */
function spec(tensor, signatureName) {
  const name = signatureName ?? tensor.text(3);
  const code = tensor.byte(1, 0);
  const dtype = DTYPES.get(code);
  if (dtype === undefined) {
    throw unsupported(
      `Expected numbers of a type in ${Object.keys(BYTES)}. Received: the tensor '${name}' of ` +
        `type ${code}`,
    );
  }
  const shape = tensor.ints(0);
  if (shape.length > MAX_RANK || shape.some((side) => side < 1) || !(sizeOf(shape) <= MAX_VALUES)) {
    throw damaged(`Expected a shape of whole numbers. Received: [${shape}] of '${name}'`);
  }
  const quantization = tensor.table(4);
  const scales = quantization?.floats(2) ?? [];
  const scale = scales.length === 1 ? scales[0] : 0;
  if (dtype === 'float32' || scale === 0) return { name, dtype, shape, scale: null, zeroPoint: 0 };
  const zeroPoint = Number(quantization?.longs(3)[0] ?? 0);
  if (!(scale > 0 && Number.isFinite(scale)) || zeroPoint < -32768 || zeroPoint > 65535) {
    throw damaged(
      `Expected a scale above 0 and a zero point. Received: ${scale} and ${zeroPoint} of '${name}'`,
    );
  }
  return { name, dtype, shape, scale, zeroPoint };
}
