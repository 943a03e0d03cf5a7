import { unsupported } from './errors.js';
import { resize } from './pillow_resize.js';
import { roundHalfEven } from './rounding.js';
/** @import { ImageSpec } from './model_info.js' */
/** @import { RgbImage } from './rgb_image.js' */

/**
 * Resizes and crops a picture to the size of a model's input, as `keras_mobilevit.images.fit_input`
 * does with Pillow: the bytes are the same.
 *
 * @param {RgbImage} image the whole picture, upright
 * @param {number} height of the model's input, in pixels
 * @param {number} width of the model's input, in pixels
 * @param {ImageSpec} spec says whether it is cropped, and how much
 * @returns {RgbImage} of `height` by `width` pixels; `encodeInput` arranges its channels
 * @throws {ModelFileError} if the spec asks for an interpolation that is not supported
 */
export function fit(image, height, width, spec) {
  if (spec.interpolation !== 'bilinear' || !spec.antialias) {
    throw unsupported(
      'Expected a model for pictures that are resized bilinearly with antialiasing. Received: ' +
        `interpolation '${spec.interpolation}', antialias ${spec.antialias}`,
    );
  }
  if (spec.cropMode === 'squash') return resize(image, width, height);
  if (spec.preResize === 0) return cover(image, height, width, spec.cropPct);
  const factor = spec.preResize / Math.min(height, width);
  const reduced = cover(
    image,
    roundHalfEven(height * factor),
    roundHalfEven(width * factor),
    spec.cropPct,
  );
  return resize(reduced, width, height);
}

/**
 * Scales a picture until its crop covers a size, and cuts that out of the centre.
 *
 * @param {RgbImage} image
 * @param {number} height
 * @param {number} width
 * @param {number} cropPct
 */
function cover(image, height, width, cropPct) {
  const scale = Math.max(height / cropPct / image.height, width / cropPct / image.width);
  const scaledWidth = Math.max(roundHalfEven(image.width * scale), width);
  const scaledHeight = Math.max(roundHalfEven(image.height * scale), height);
  // Only what remains is computed: of a panorama the rest might be gigabytes.
  return resize(image, scaledWidth, scaledHeight, {
    left: Math.floor((scaledWidth - width) / 2),
    top: Math.floor((scaledHeight - height) / 2),
    width,
    height,
  });
}
