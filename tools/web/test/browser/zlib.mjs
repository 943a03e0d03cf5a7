export { deflateSync } from 'node:zlib';

/**
 * CRC-32, which older versions of node's zlib do not have.
 *
 * @param {Uint8Array} bytes
 */
export function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
