import { damaged, unsupported, ValueError } from './errors.js';
import { JsonFields } from './json_fields.js';
import { valuesOf } from './output_decoder.js';
import { checkRecordFits, compareWithRecord, readRecord } from './output_record.js';
import { quantizePixels } from './pixel_quantizer.js';
import { checkData } from './tensor_data.js';
/** @import { ImageSpec, ModelInfo } from './model_info.js' */
/** @import { OutputValues } from './output_decoder.js' */
/** @import { TensorSpec } from './tensor_spec.js' */

/**
 * How the outputs of this browser compare with the recorded ones, best first: equal to the last
 * bit; as near as other kernels of the same precision are; anything else.
 *
 * @typedef {'identical' | 'within' | 'different'} Verdict
 */

/**
 * One output in comparison with the recorded one.
 *
 * @typedef {object} OutputCheck
 * @property {Verdict} verdict
 * @property {number} sqnrDb signal to noise against the recorded values in dB, in [-200, 200]
 * @property {number} leastSqnrDb from this on the output is within the expected deviation
 * @property {'output' | 'softmax_input'} covers the latter for what a final softmax was given
 */

/**
 * Result of the self-test of a file.
 *
 * @typedef {object} SelfTestResult
 * @property {Verdict} verdict the worst of all outputs
 * @property {Verdict} expected the verdict to expect of any CPU
 * @property {boolean} passed whether the verdict is `expected` or better
 * @property {number} sqnrDb the least of all outputs
 * @property {Record<string, OutputCheck>} outputs
 * @property {string} runtime that recorded the outputs, with its version; empty if unknown
 */

/** @type {readonly Verdict[]} */
const VERDICTS = ['identical', 'within', 'different'];
const EXPECTED = /** @type {const} */ (['identical', 'within']);

/**
 * The picture of the self-test, by its formula of integers. `MODEL_INFO.md` of keras_mobilevit is
 * the specification.
 *
 * @param {number} height
 * @param {number} width
 * @param {number} channels
 * @returns {Uint8Array} `height * width * channels` bytes, row by row, channels last
 */
export function selfTestPixels(height, width, channels) {
  const pixels = new Uint8Array(height * width * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const across = Math.floor((512 * x) / width) * (c + 1);
        const t = (across + Math.floor((384 * y) / height) + 64 * c) % 512;
        pixels[at++] = Math.min(t, 511 - t);
      }
    }
  }
  return pixels;
}

/**
 * The values of the input tensor for the pixels of its size, whose channels are not rearranged.
 *
 * @param {ImageSpec} image
 * @param {TensorSpec} tensor
 * @throws {ModelFileError} if the tensor is no picture of a supported type
 */
export function selfTestInput(image, tensor) {
  const [batch, height, width, channels] = tensor.shape;
  if (tensor.shape.length !== 4 || batch !== 1) {
    throw unsupported(
      `Expected an input (1, height, width, channels). Received: [${tensor.shape}]`,
    );
  }
  return quantizePixels(selfTestPixels(height, width, channels), image, tensor, {
    inDouble: false,
  });
}

/**
 * Whether a file has a self-test.
 *
 * @param {ModelInfo} info
 */
export function hasSelfTest(info) {
  return info.selfTest.size > 0;
}

/**
 * Checks that the record can be compared with the outputs, before there are any.
 *
 * @param {ModelInfo} info
 * @param {readonly TensorSpec[]} outputs
 * @throws {ModelFileError} if the record is damaged, or does not fit the outputs
 */
export function validateSelfTest(info, outputs) {
  if (!hasSelfTest(info)) return;
  reading(() => {
    const { records } = readRecords(info, outputs);
    outputs.forEach((spec, index) => checkRecordFits(records[index], spec));
  });
}

/**
 * Shows whether this browser computes what Python computed: compares outputs for `selfTestInput`
 * with the recorded ones.
 *
 * @param {ModelInfo} info
 * @param {readonly TensorSpec[]} outputs as `ModelFile.outputs`
 * @param {OutputValues} values of each of `outputs`
 * @returns {SelfTestResult | null} null if the file has no self-test
 * @throws {ModelFileError} if the record is damaged, or does not fit the outputs
 * @throws {ValueError} if the values do not fit their tensors
 */
export function checkSelfTest(info, outputs, values) {
  if (!hasSelfTest(info)) return null;
  const data = outputs.map((spec) => {
    const found = valuesOf(values, spec.name);
    checkData(spec, found);
    return found;
  });
  return reading(() => {
    const { records, expected, runtime } = readRecords(info, outputs);
    const checks = outputs.map((spec, index) =>
      compareWithRecord(records[index], spec, data[index]),
    );
    const worst = Math.max(...checks.map(({ verdict }) => VERDICTS.indexOf(verdict)));
    return {
      verdict: VERDICTS[worst],
      expected,
      passed: worst <= VERDICTS.indexOf(expected),
      sqnrDb: Math.min(...checks.map(({ sqnrDb }) => sqnrDb)),
      outputs: Object.fromEntries(outputs.map(({ name }, index) => [name, checks[index]])),
      runtime,
    };
  });
}

/**
 * What to compare each output with.
 *
 * @param {ModelInfo} info
 * @param {readonly TensorSpec[]} outputs
 */
function readRecords(info, outputs) {
  const fields = new JsonFields(info.selfTest, 'self_test.');
  const expected = fields.choice('expected', EXPECTED) ?? fields.fail('expected', 'there');
  const recorded = [...fields.json('outputs').keys()].sort();
  const names = outputs.map(({ name }) => name);
  if (recorded.length === 0 || String([...names].sort()) !== String(recorded)) {
    throw new ValueError(`Expected the outputs ${names}. Received: ${recorded}`);
  }
  return {
    expected,
    runtime: fields.text('runtime'),
    records: names.map((name) => readRecord(fields.fields('outputs').fields(name))),
  };
}

/**
 * @template T
 * @param {() => T} read
 */
function reading(read) {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw damaged(`The self-test in the file cannot be read: ${error.message}`, error);
  }
}
