/**
 * Type of the numbers in a tensor, by NumPy's name, which the self-test uses too.
 *
 * @typedef {'float32' | 'int8' | 'uint8' | 'int16' | 'int32' | 'int64' | 'bool'} DType
 */

/**
 * An input or output of a model.
 *
 * @typedef {object} TensorSpec
 * @property {string} name its name in the signature, or of the tensor where there is none
 * @property {DType} dtype
 * @property {number[]} shape sides, the batch of 1 included; each at least 1
 * @property {number | null} scale of a quantized tensor, above 0; null if it is not quantized
 * @property {number} zeroPoint integer that stands for zero; 0 if it is not quantized
 */

/**
 * Bytes of one number.
 *
 * @type {Readonly<Record<DType, number>>}
 */
export const BYTES = Object.freeze({
  float32: 4,
  int8: 1,
  uint8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  bool: 1,
});

/**
 * Number of values of a shape.
 *
 * @param {readonly number[]} shape
 */
export function sizeOf(shape) {
  return shape.reduce((size, side) => size * side, 1);
}
