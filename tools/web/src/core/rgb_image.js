import { ValueError } from './errors.js';

/**
 * A decoded picture, upright.
 *
 * @typedef {object} RgbImage
 * @property {number} width in pixels, at least 1
 * @property {number} height in pixels, at least 1
 * @property {Uint8Array | Uint8ClampedArray} data red, green and blue of each pixel, row by row
 */

/**
 * @param {number} width
 * @param {number} height
 * @param {Uint8Array | Uint8ClampedArray} data
 * @returns {RgbImage}
 * @throws {ValueError} if the pixels are not of that size
 */
export function rgbImage(width, height, data) {
  if (!(width > 0 && height > 0 && data.length === 3 * width * height)) {
    throw new ValueError(
      `Expected 3 * width * height bytes of RGB. Received: ${data.length} bytes for ` +
        `${width} x ${height} pixels`,
    );
  }
  return { width, height, data };
}

/**
 * Takes the pixels of an `ImageData`; the transparency is dropped.
 *
 * @param {{width: number, height: number, data: Uint8ClampedArray | Uint8Array}} rgba
 */
export function fromRgba({ width, height, data }) {
  const pixels = new Uint8Array((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    pixels[to++] = data[from];
    pixels[to++] = data[from + 1];
    pixels[to++] = data[from + 2];
  }
  return rgbImage(width, height, pixels);
}
