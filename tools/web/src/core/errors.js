/**
 * Why a file cannot be used:
 *
 * - `not_ours`: it is no `.tflite` file, or none that keras_mobilevit described;
 * - `damaged`: bytes are missing, or are not what they should be;
 * - `unsupported`: it is whole, but of a form that this version cannot handle;
 * - `int8_input`: inputs or outputs are of a type that LiteRT.js does not take;
 * - `dynamic_batch`: the size of a side is not fixed, which LiteRT.js needs.
 *
 * @typedef {'not_ours' | 'damaged' | 'unsupported' | 'int8_input' | 'dynamic_batch'} ModelFileProblem
 */

/** A file that cannot be used. */
export class ModelFileError extends Error {
  name = 'ModelFileError';

  /**
   * @param {ModelFileProblem} kind which of the problems it is
   * @param {string} message what was expected and what was found
   * @param {string} advice what the user can do about it, a sentence of its own
   * @param {ErrorOptions} [options]
   */
  constructor(kind, message, advice, options) {
    super(message, options);
    this.kind = kind;
    this.advice = advice;
  }
}

/** A value of a file or of a caller that is not as it must be. */
export class ValueError extends Error {
  name = 'ValueError';
}

const COPY_AGAIN = 'Copy or export the file again: it may be damaged or cut off.';
const EXPORT_AGAIN = 'Export the model with a current version of keras_mobilevit.';

/**
 * For bytes that are not what they should be.
 *
 * @param {string} message
 * @param {unknown} [cause]
 */
export function damaged(message, cause) {
  return new ModelFileError('damaged', message, COPY_AGAIN, { cause });
}

/**
 * For a file that is whole, but of a form that this version cannot handle.
 *
 * @param {string} message
 */
export function unsupported(message) {
  return new ModelFileError('unsupported', message, EXPORT_AGAIN);
}
