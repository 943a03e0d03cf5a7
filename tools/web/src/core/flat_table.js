import { damaged } from './errors.js';
/** @import { FileBytes } from './file_bytes.js' */

// Inputs, outputs, sides of a tensor, characters of a name: all are far fewer.
const MAX_ITEMS = 1024;

/**
 * A table of a flatbuffer, of which only the fields that are asked for are read.
 *
 * Fields are counted in the order of the schema. Format:
 * https://flatbuffers.dev/internals/
 */
export class FlatTable {
  #bytes;
  #position;
  #vtable;
  #vtableSize;

  /**
   * @param {FileBytes} bytes
   * @param {number} position where the table begins in the file
   */
  constructor(bytes, position) {
    this.#bytes = bytes;
    this.#position = position;
    this.#vtable = position - bytes.i32(position);
    this.#vtableSize = bytes.u16(this.#vtable);
  }

  /**
   * The table that the flatbuffer at the beginning of a file begins with.
   *
   * @param {FileBytes} bytes
   */
  static root(bytes) {
    return new FlatTable(bytes, bytes.u32(0));
  }

  /**
   * @param {number} field
   * @param {number} otherwise
   */
  byte(field, otherwise) {
    const at = this.#at(field);
    return at === null ? otherwise : this.#bytes.i8(at);
  }

  /** @param {number} field */
  uint(field) {
    const at = this.#at(field);
    return at === null ? 0 : this.#bytes.u32(at);
  }

  /** @param {number} field */
  table(field) {
    const at = this.#at(field);
    return at === null ? null : new FlatTable(this.#bytes, this.#follow(at));
  }

  /**
   * Tables of a vector; each is read when it is asked for.
   *
   * @param {number} field
   */
  tables(field) {
    return this.#vector(field, 4, (at) => new FlatTable(this.#bytes, this.#follow(at)));
  }

  /** @param {number} field */
  ints(field) {
    return this.#vector(field, 4, (at) => this.#bytes.i32(at)).toList();
  }

  /** @param {number} field */
  floats(field) {
    return this.#vector(field, 4, (at) => this.#bytes.f32(at)).toList();
  }

  /** @param {number} field */
  longs(field) {
    return this.#vector(field, 8, (at) => this.#bytes.i64(at)).toList();
  }

  /** @param {number} field */
  text(field) {
    const characters = this.#vector(field, 1, (at) => at);
    if (characters.size > MAX_ITEMS) throw tooMany(characters.size);
    return characters.size === 0 ? '' : this.#bytes.text(characters.get(0), characters.size);
  }

  /**
   * @template T
   * @param {number} field
   * @param {number} itemSize
   * @param {(at: number) => T} read
   * @returns {Vector<T>}
   */
  #vector(field, itemSize, read) {
    const at = this.#at(field);
    if (at === null) return new Vector(0, () => read(-1));
    const start = this.#follow(at);
    const count = this.#bytes.u32(start);
    const first = start + 4;
    if (count * itemSize > this.#bytes.size - first) throw tooMany(count);
    return new Vector(count, (index) => read(first + index * itemSize));
  }

  /**
   * Where a field is in the file; null if it has its default value.
   *
   * @param {number} field
   */
  #at(field) {
    const entry = 4 + 2 * field;
    if (entry + 2 > this.#vtableSize) return null;
    const offset = this.#bytes.u16(this.#vtable + entry);
    return offset === 0 ? null : this.#position + offset;
  }

  /** @param {number} at */
  #follow(at) {
    return at + this.#bytes.u32(at);
  }
}

/**
 * A vector of the file, of a size that the file has room for.
 *
 * @template T
 */
class Vector {
  #read;

  /**
   * @param {number} size
   * @param {(index: number) => T} read
   */
  constructor(size, read) {
    this.size = size;
    this.#read = read;
  }

  /**
   * @param {number} index
   * @throws {ModelFileError} if there is no such item
   */
  get(index) {
    if (!(index >= 0 && index < this.size)) {
      throw damaged(`Expected an index below ${this.size} in the graph. Received: ${index}`);
    }
    return this.#read(index);
  }

  /** All items, of a vector that should be short. */
  toList() {
    if (this.size > MAX_ITEMS) throw tooMany(this.size);
    return Array.from({ length: this.size }, (_, index) => this.#read(index));
  }
}

/** @param {number} count */
function tooMany(count) {
  return damaged(`Expected a list that fits into the graph. Received: one of ${count} items`);
}
