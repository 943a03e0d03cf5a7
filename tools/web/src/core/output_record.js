import { ValueError } from './errors.js';
import { roundHalfEven } from './rounding.js';
import { sha256 } from './sha256.js';
import { bytesOf, tensorData } from './tensor_data.js';
import { BYTES, sizeOf } from './tensor_spec.js';
/** @import { JsonFields } from './json_fields.js' */
/** @import { OutputCheck, Verdict } from './self_test.js' */
/** @import { TensorData } from './tensor_data.js' */
/** @import { DType, TensorSpec } from './tensor_spec.js' */

const SAMPLES = 256;
const LIMIT_DB = 200;
// Below its exponential, a probability in float32 loses digits.
const LOWEST_LOG = -80;

const { fround } = Math;

/**
 * What a file records of one output.
 *
 * @typedef {object} OutputRecord
 * @property {number | null} softmaxScale scale of the logits that are recorded in place of the
 *   output; null if the output is
 * @property {string} dtype
 * @property {number[]} shape
 * @property {string | null} sha256 of all values if only samples are recorded
 * @property {Uint8Array} values all of them, or the samples, little-endian
 * @property {number} leastSqnrDb
 */

/**
 * @param {JsonFields} fields
 * @returns {OutputRecord}
 * @throws {ValueError} if a value is missing, or of another type
 */
export function readRecord(fields) {
  const covers =
    fields.choice('covers', /** @type {const} */ (['output', 'softmax_input'])) ??
    fields.fail('covers', 'there');
  const isWhole = fields.has('values');
  return {
    softmaxScale:
      covers === 'softmax_input'
        ? fround(fields.number('scale', 'above 0', (it) => it > 0) ?? fields.fail('scale', 'there'))
        : null,
    dtype: fields.text('dtype'),
    shape: fields.wholes('shape', 1, 2 ** 31 - 1),
    sha256: isWhole ? null : fields.text('sha256'),
    values: base64(fields, isWhole ? 'values' : 'samples'),
    leastSqnrDb: fields.number('least_sqnr_db') ?? fields.fail('least_sqnr_db', 'there'),
  };
}

/**
 * @param {OutputRecord} record
 * @param {TensorSpec} spec
 * @throws {ValueError} if the record is not of such an output
 */
export function checkRecordFits(record, { dtype, shape }) {
  const isSoftmax = record.softmaxScale !== null;
  if (isSoftmax && (dtype !== 'float32' || shape.length === 0)) {
    throw new ValueError(`expected probabilities in float32, received ${dtype} [${shape}]`);
  }
  const compared = comparedDtype(record, dtype);
  if (compared !== record.dtype || String(shape) !== String(record.shape)) {
    throw new ValueError(
      `expected ${compared} of shape [${shape}], received ${record.dtype} of shape ` +
        `[${record.shape}]`,
    );
  }
  const count = record.sha256 === null ? sizeOf(shape) : SAMPLES;
  if (record.values.length !== count * BYTES[compared]) {
    throw new ValueError(`expected ${count} values, received ${record.values.length} bytes`);
  }
}

/**
 * @param {OutputRecord} record
 * @param {TensorSpec} spec
 * @param {TensorData} output its values
 * @returns {OutputCheck}
 * @throws {ValueError} if the record is not of such an output
 */
export function compareWithRecord(record, spec, output) {
  checkRecordFits(record, spec);
  const { softmaxScale } = record;
  const actual = softmaxScale === null ? output : softmaxInput(output, spec.shape, softmaxScale);
  const expected = tensorData(comparedDtype(record, spec.dtype), record.values);
  const isWhole = record.sha256 === null;
  const compared = Float64Array.from({ length: expected.length }, (_, index) =>
    Number(actual[isWhole ? index : Math.floor((index * actual.length) / SAMPLES)]),
  );
  const sqnr = sqnrDb(Float64Array.from(expected, Number), compared);
  const isSame = isWhole
    ? sameBytes(record.values, bytesOf(actual))
    : record.sha256 === sha256(bytesOf(actual));
  /** @type {Verdict} */
  const inexact = sqnr >= record.leastSqnrDb ? 'within' : 'different';
  return {
    verdict: isSame ? 'identical' : inexact,
    sqnrDb: Math.min(Math.max(sqnr, -LIMIT_DB), LIMIT_DB),
    leastSqnrDb: record.leastSqnrDb,
    covers: softmaxScale === null ? 'output' : 'softmax_input',
  };
}

/**
 * @param {OutputRecord} record
 * @param {DType} dtype
 * @returns {DType}
 */
function comparedDtype(record, dtype) {
  return record.softmaxScale === null ? dtype : 'int16';
}

/**
 * The integers that a softmax was given, less the largest of each row: a softmax in float rounds
 * differently on each processor, but its logarithm tells them exactly.
 *
 * @param {TensorData} probabilities
 * @param {number[]} shape
 * @param {number} scale of the integers, above 0
 */
export function softmaxInput(probabilities, shape, scale) {
  const row = /** @type {number} */ (shape.at(-1));
  const steps = new Int16Array(probabilities.length);
  for (let start = 0; start < steps.length; start += row) {
    const values = Float64Array.from(probabilities.subarray(start, start + row), Number);
    // NaN if one of them is, as NumPy has it.
    const largest = values.reduce((a, b) => Math.max(a, b));
    values.forEach((value, index) => {
      const log = Math.max(fround(Math.log(fround(value / largest))), LOWEST_LOG);
      steps[start + index] = roundHalfEven(fround(log / scale));
    });
  }
  return steps;
}

/**
 * Power of the expected values around their mean over that of the errors, in dB.
 *
 * @param {Float64Array} expected
 * @param {Float64Array} actual
 */
export function sqnrDb(expected, actual) {
  const mean = expected.reduce((sum, value) => sum + value, 0) / expected.length;
  let signal = 0;
  let noise = 0;
  expected.forEach((value, index) => {
    signal += (value - mean) ** 2;
    noise += (actual[index] - value) ** 2;
  });
  if (noise === 0) return Infinity;
  return Number.isFinite(noise) ? 10 * Math.log10(signal / noise) : -Infinity;
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/**
 * @param {JsonFields} fields
 * @param {string} key
 */
function base64(fields, key) {
  const text = fields.text(key);
  // atob takes spaces, and texts without the padding.
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) fields.fail(key, 'base64');
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
