import { fromRgba } from '../core/rgb_image.js';
import { AppError } from './app_error.js';
import { TEXTS } from './texts.js';
import { readStraightAlpha } from './straight_alpha.js';
/** @import { RgbImage } from '../core/rgb_image.js' */

/**
 * @typedef {object} Picture
 * @property {string} name
 * @property {string} credit what to say of it
 * @property {RgbImage} pixels as they were decoded, not scaled
 * @property {HTMLCanvasElement} canvas with the same picture
 * @property {string | null} sample its name among the samples; null if it is none of them
 */

/**
 * Decodes a picture, upright, without converting its colours.
 *
 * @param {Blob} blob
 * @param {string} name
 * @returns {Promise<Picture>}
 */
export async function decodePicture(blob, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, {
      imageOrientation: 'from-image',
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    });
  } catch (cause) {
    throw new AppError(TEXTS.noPicture(name), TEXTS.noPictureAdvice, { cause });
  }
  const picture = pictureOf(bitmap, bitmap.width, bitmap.height, name);
  bitmap.close();
  return picture;
}

/**
 * @param {ImageBitmap | HTMLVideoElement} source
 * @param {number} width
 * @param {number} height
 * @param {string} name
 * @returns {Picture}
 */
export function pictureOf(source, width, height, name) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  let rgba;
  try {
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (context === null) throw new Error('no canvas');
    context.drawImage(source, 0, 0);
    rgba = context.getImageData(0, 0, width, height);
  } catch (cause) {
    throw new AppError(TEXTS.largePicture, TEXTS.largePictureAdvice, { cause });
  }
  // A canvas darkens what is transparent, where Pillow drops the transparency.
  const straight = isOpaque(rgba.data) ? rgba : (readStraightAlpha(source, width, height) ?? rgba);
  const credit = TEXTS.pictureOf(name, width, height);
  return { name, credit, pixels: fromRgba(straight), canvas, sample: null };
}

/** @param {Uint8ClampedArray} rgba */
function isOpaque(rgba) {
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at] !== 255) return false;
  return true;
}
