import { damaged } from './errors.js';
/** @import { FileBytes } from './file_bytes.js' */

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END = 0x06054b50;
const END_SIZE = 22;
const MAX_COMMENT = 0xffff;
const MAX_MEMBERS = 1000;
const STORED = 0;
const DEFLATED = 8;

/**
 * @typedef {object} Member
 * @property {number} headerAt
 * @property {number} method
 * @property {number} crc
 * @property {number} packedSize
 * @property {number} size
 */

/**
 * The zip archive behind a flatbuffer, where TFLite keeps associated files.
 *
 * Format: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
 */
export class AppendedZip {
  #bytes;
  #members;

  /**
   * @param {FileBytes} bytes
   * @param {Map<string, Member>} members
   */
  constructor(bytes, members) {
    this.#bytes = bytes;
    this.#members = members;
  }

  /**
   * @param {FileBytes} bytes
   * @returns {AppendedZip | null} null if the file does not end in an archive
   */
  static find(bytes) {
    const end = findEnd(bytes);
    if (end === null) return null;
    const count = bytes.u16(end + 10);
    if (count > MAX_MEMBERS) {
      throw damaged(`Expected at most ${MAX_MEMBERS} files in the archive. Received: ${count}`);
    }
    // What stands in front may have grown since the archive was written.
    let at = end - bytes.u32(end + 12);
    const shift = at - bytes.u32(end + 16);
    /** @type {Map<string, Member>} */
    const members = new Map();
    for (let index = 0; index < count; index++) {
      if (bytes.u32(at) !== DIRECTORY_ENTRY) {
        throw damaged(`Expected an entry of the archive at ${at}. Received: none`);
      }
      const nameSize = bytes.u16(at + 28);
      members.set(bytes.text(at + 46, nameSize), {
        headerAt: bytes.u32(at + 42) + shift,
        method: bytes.u16(at + 10),
        crc: bytes.u32(at + 16),
        packedSize: bytes.u32(at + 20),
        size: bytes.u32(at + 24),
      });
      at += 46 + nameSize + bytes.u16(at + 30) + bytes.u16(at + 32);
    }
    return new AppendedZip(bytes, members);
  }

  /**
   * Unpacks a member, and verifies its checksum.
   *
   * @param {string} name
   * @param {number} maxBytes most bytes that it may have
   * @returns {Promise<string | null>} its text; null if there is no such member
   * @throws {ModelFileError} if it is damaged or larger
   */
  async read(name, maxBytes) {
    const member = this.#members.get(name);
    if (member === undefined) return null;
    if (member.size > maxBytes || member.packedSize > maxBytes) {
      throw damaged(
        `Expected at most ${maxBytes} bytes in ${name}. Received: ${member.size} bytes`,
      );
    }
    const bytes = this.#bytes;
    const { headerAt } = member;
    if (bytes.u32(headerAt) !== LOCAL_HEADER) {
      throw damaged(`Expected the header of ${name} at ${headerAt}. Received: none`);
    }
    const start = headerAt + 30 + bytes.u16(headerAt + 26) + bytes.u16(headerAt + 28);
    const packed = bytes.part(start, member.packedSize);
    const data = await unpack(packed, member, name);
    if (data.length !== member.size || crc32(data) !== member.crc) {
      throw damaged(`Expected the checksum of ${name}. Received: other bytes`);
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(data);
  }
}

/**
 * @param {Uint8Array} packed
 * @param {Member} member
 * @param {string} name
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function unpack(packed, member, name) {
  switch (member.method) {
    case STORED:
      return packed.slice();
    case DEFLATED:
      return inflate(packed.slice(), member.size, name);
    default:
      throw damaged(`${name} has an unknown compression: ${member.method}`);
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} packed
 * @param {number} size more is not unpacked
 * @param {string} name
 */
async function inflate(packed, size, name) {
  const data = new Uint8Array(size);
  let done = 0;
  const reader = new Blob([packed])
    .stream()
    .pipeThrough(new DecompressionStream('deflate-raw'))
    .getReader();
  try {
    for (;;) {
      const { value } = await reader.read();
      if (value === undefined) break;
      if (done + value.length > size) {
        throw damaged(`Expected ${size} bytes in ${name}. Received: more`);
      }
      data.set(value, done);
      done += value.length;
    }
  } catch (error) {
    throw damaged(`${name} cannot be unpacked: ${error}`, error);
  } finally {
    // What is left of a damaged stream is of no interest.
    reader.cancel().catch(() => {});
  }
  if (done !== size) throw damaged(`The end of ${name} is missing`);
  return data;
}

/** @param {FileBytes} bytes */
function findEnd(bytes) {
  const first = Math.max(0, bytes.size - END_SIZE - MAX_COMMENT);
  for (let at = bytes.size - END_SIZE; at >= first; at--) {
    if (bytes.u32(at) === END && at + END_SIZE + bytes.u16(at + 20) === bytes.size) return at;
  }
  return null;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** @param {Uint8Array} data */
function crc32(data) {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
