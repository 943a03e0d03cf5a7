import { unsupported, ValueError } from './errors.js';
import { quantizePixels } from './pixel_quantizer.js';
/** @import { ImageSpec } from './model_info.js' */
/** @import { RgbImage } from './rgb_image.js' */
/** @import { TensorSpec } from './tensor_spec.js' */

/**
 * From pixels to the values of an input tensor: arranges the channels (RGB, BGR or luma), scales
 * the pixels and quantizes them, as `keras_mobilevit.tflite.runtime` does.
 *
 * @param {RgbImage} pixels of the height and width of the tensor, as `fit` gives them
 * @param {ImageSpec} spec
 * @param {TensorSpec} tensor input `(1, height, width, 1 or 3)`
 * @throws {ModelFileError} if the tensor is no picture, of another type, or cannot hold pixels up
 *   to 255
 * @throws {ValueError} if the pixels are of another size
 */
export function encodeInput(pixels, spec, tensor) {
  const { height, width } = pixels;
  const [batch, rows, columns, channels] = tensor.shape;
  if (batch !== 1 || rows !== height || columns !== width) {
    throw new ValueError(
      `Expected pixels for the input [${tensor.shape}]. Received: ${height} x ${width} of them`,
    );
  }
  return quantizePixels(arrange(pixels.data, spec, channels, tensor), spec, tensor, {
    inDouble: true,
  });
}

/**
 * @param {RgbImage['data']} rgb
 * @param {ImageSpec} spec
 * @param {number} channels
 * @param {TensorSpec} tensor
 */
function arrange(rgb, spec, channels, tensor) {
  if (channels === 1) return luma(rgb);
  if (channels === 3) return spec.channelOrder === 'bgr' ? reversed(rgb) : rgb;
  throw unsupported(
    `Expected an input of 1 or 3 channels, which a picture has. Received: [${tensor.shape}]`,
  );
}

/**
 * As Pillow converts RGB to L: ITU-R 601-2 luma in fixed point.
 *
 * @param {RgbImage['data']} rgb
 */
function luma(rgb) {
  return Uint8Array.from({ length: rgb.length / 3 }, (_, index) => {
    const [red, green, blue] = rgb.subarray(3 * index, 3 * index + 3);
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  });
}

/** @param {RgbImage['data']} rgb */
function reversed(rgb) {
  return Uint8Array.from(rgb, (_, index) => rgb[index - 2 * (index % 3) + 2]);
}
