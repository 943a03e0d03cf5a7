import { damaged } from './errors.js';

/** Bounds-checked access to the bytes of an untrusted file, little-endian. */
export class FileBytes {
  /** @param {ArrayBuffer | Uint8Array} content */
  constructor(content) {
    this.bytes = content instanceof Uint8Array ? content : new Uint8Array(content);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    /** Bytes in the file. */
    this.size = this.bytes.byteLength;
  }

  /**
   * A part of the file, which is not copied.
   *
   * @param {number} at
   * @param {number} length
   * @throws {ModelFileError} if the part is not inside the file
   */
  part(at, length) {
    this.#check(at, length);
    return this.bytes.subarray(at, at + length);
  }

  /**
   * @param {number} at
   * @param {number} length
   * @returns {string} of bytes in UTF-8
   */
  text(at, length) {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.part(at, length).slice());
  }

  /** @param {number} at */
  u16(at) {
    this.#check(at, 2);
    return this.view.getUint16(at, true);
  }

  /** @param {number} at */
  i8(at) {
    this.#check(at, 1);
    return this.view.getInt8(at);
  }

  /** @param {number} at */
  i32(at) {
    this.#check(at, 4);
    return this.view.getInt32(at, true);
  }

  /** @param {number} at */
  u32(at) {
    this.#check(at, 4);
    return this.view.getUint32(at, true);
  }

  /** @param {number} at */
  f32(at) {
    this.#check(at, 4);
    return this.view.getFloat32(at, true);
  }

  /** @param {number} at */
  i64(at) {
    this.#check(at, 8);
    return this.view.getBigInt64(at, true);
  }

  /**
   * @param {number} at
   * @param {number} length
   */
  #check(at, length) {
    if (at < 0 || length < 0 || at > this.size - length) {
      throw damaged(`Expected ${length} bytes at ${at}. Received: a file of ${this.size} bytes`);
    }
  }
}
