import { ValueError } from './errors.js';
import { BYTES, sizeOf } from './tensor_spec.js';
/** @import { DType, TensorSpec } from './tensor_spec.js' */

/**
 * The values of a tensor in row-major order, as the runtime takes and gives them; those of a
 * `bool` tensor are bytes.
 *
 * @typedef {Float32Array | Int8Array | Uint8Array | Int16Array | Int32Array | BigInt64Array} TensorData
 */

/** @type {Readonly<Record<DType, (buffer: ArrayBuffer) => TensorData>>} */
const ARRAYS = Object.freeze({
  float32: (buffer) => new Float32Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  int16: (buffer) => new Int16Array(buffer),
  int32: (buffer) => new Int32Array(buffer),
  int64: (buffer) => new BigInt64Array(buffer),
  bool: (buffer) => new Uint8Array(buffer),
});

/**
 * Values of a type, of the bytes that a tensor has in memory.
 *
 * @param {DType} dtype
 * @param {Uint8Array} bytes
 * @returns {TensorData}
 */
export function tensorData(dtype, bytes) {
  return ARRAYS[dtype](Uint8Array.from(bytes).buffer);
}

/**
 * Zeros of a type.
 *
 * @param {DType} dtype
 * @param {number} size
 * @returns {TensorData}
 */
export function zeros(dtype, size) {
  return ARRAYS[dtype](new ArrayBuffer(size * BYTES[dtype]));
}

/**
 * The bytes of the values; every browser is little-endian.
 *
 * @param {TensorData} data
 */
export function bytesOf(data) {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * @param {TensorSpec} spec
 * @param {TensorData} data
 * @throws {ValueError} if the values are not of the type and size of the tensor
 */
export function checkData(spec, data) {
  if (data.length !== sizeOf(spec.shape)) {
    throw new ValueError(
      `Expected ${sizeOf(spec.shape)} values of '${spec.name}'. Received: ${data.length}`,
    );
  }
  if (data.constructor !== zeros(spec.dtype, 0).constructor) {
    throw new ValueError(
      `Expected values of '${spec.name}' for ${spec.dtype}. Received: ${data.constructor.name}`,
    );
  }
}

/**
 * The numbers that quantized values stand for: `scale * (value - zeroPoint)` in single precision.
 * Without a scale they are the values themselves.
 *
 * @param {TensorSpec} spec
 * @param {TensorData} data
 * @throws {ValueError} if the values are not of the type and size of the tensor
 */
export function dequantized(spec, data) {
  checkData(spec, data);
  if (data instanceof Float32Array) return data;
  const { scale, zeroPoint } = spec;
  const numbers = new Float32Array(data.length);
  for (let index = 0; index < numbers.length; index++) {
    const value = Math.fround(Number(data[index]));
    numbers[index] = scale === null ? value : scale * Math.fround(value - zeroPoint);
  }
  return numbers;
}
