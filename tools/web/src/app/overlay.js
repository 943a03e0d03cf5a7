import { labelOf } from '../core/model_info.js';
/** @import { ModelFile } from '../core/model_file.js' */
/** @import { Box, Mask } from '../core/prediction.js' */
/** @import { Picture } from './pictures.js' */

/** @typedef {{left: number, top: number, width: number, height: number}} Area in shares */

const LONGEST_SIDE = 960;
// The golden angle, in degrees.
const TURN = 137.508;
// As opaque as leaves the picture visible.
const ALPHA = 0.55;
const CLEAR = [0, 0, 0, 0];
const WHITE = [255, 255, 255, 255];

/**
 * What part of a picture a model sees: shares of its width and height.
 *
 * @param {ModelFile} file
 * @param {Picture} picture
 * @returns {Area}
 */
function seenPart({ info: { image }, height, width }, { pixels }) {
  if (image.cropMode === 'squash') return { left: 0, top: 0, width: 1, height: 1 };
  // As large as the picture has room for, with the input's aspect ratio.
  const scale = Math.min(pixels.width / width, pixels.height / height) * image.cropPct;
  const w = (width * scale) / pixels.width;
  const h = (height * scale) / pixels.height;
  return { left: (1 - w) / 2, top: (1 - h) / 2, width: w, height: h };
}

/**
 * Draws a picture as large as is shown; a small one is enlarged, so that lines on it are thin.
 *
 * @param {Picture} picture
 */
export function drawPicture({ canvas, pixels }) {
  const scale = LONGEST_SIDE / Math.max(pixels.width, pixels.height);
  const target = document.createElement('canvas');
  target.width = Math.max(1, Math.round(pixels.width * scale));
  target.height = Math.max(1, Math.round(pixels.height * scale));
  const context = /** @type {CanvasRenderingContext2D} */ (target.getContext('2d'));
  context.imageSmoothingQuality = 'high';
  context.drawImage(canvas, 0, 0, target.width, target.height);
  return { target, context };
}

/**
 * @param {Picture} picture
 * @param {ModelFile} file
 * @param {Box[]} boxes
 * @param {Set<Box>} unmatched boxes that the other file does not have
 */
export function drawBoxes(picture, file, boxes, unmatched) {
  const { target, context } = drawPicture(picture);
  const { width, height } = target;
  const area = seenPart(file, picture);
  const line = Math.max(width, height) / 200;
  context.lineWidth = line;
  context.font = `${9 * line}px system-ui, sans-serif`;
  context.textBaseline = 'top';
  // The most probable ones on top.
  for (const box of [...boxes].reverse()) {
    const x = (area.left + box.left * area.width) * width;
    const y = (area.top + box.top * area.height) * height;
    const w = (box.right - box.left) * area.width * width;
    const h = (box.bottom - box.top) * area.height * height;
    const { label, outputClass } = box.found;
    const color = colorOf(file, outputClass);
    context.setLineDash(unmatched.has(box) ? [3 * line, 2 * line] : []);
    context.strokeStyle = color;
    context.strokeRect(x, y, w, h);
    const room = context.measureText(label).width + 2 * line;
    const left = Math.max(0, Math.min(x - line / 2, width - room));
    context.fillStyle = color;
    context.fillRect(left, y, room, 11 * line);
    context.fillStyle = '#000';
    context.fillText(label, left + line, y + line);
  }
  return target;
}

/**
 * @param {Picture} picture
 * @param {ModelFile} file
 * @param {Mask} mask
 * @param {Uint8Array | null} differs pixels to make white
 */
export function drawMask(picture, file, mask, differs) {
  const { target, context } = drawPicture(picture);
  const { width, height } = target;
  const area = seenPart(file, picture);
  context.imageSmoothingEnabled = false;
  context.drawImage(
    maskLayer(file, mask, differs),
    area.left * width,
    area.top * height,
    area.width * width,
    area.height * height,
  );
  return target;
}

/**
 * @param {ModelFile} file
 * @param {Mask} mask
 * @param {Uint8Array | null} differs
 */
function maskLayer(file, { width, height, classes }, differs) {
  const layer = document.createElement('canvas');
  Object.assign(layer, { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (layer.getContext('2d'));
  const image = context.createImageData(width, height);
  /** @type {Map<number, number[]>} */
  const colors = new Map();
  for (const it of new Set(classes)) {
    colors.set(it, isBackground(file, it) ? CLEAR : [...rgbOf(file, it), 255 * ALPHA]);
  }
  classes.forEach((it, index) => {
    image.data.set(differs?.[index] ? WHITE : (colors.get(it) ?? CLEAR), 4 * index);
  });
  context.putImageData(image, 0, 0);
  return layer;
}

/**
 * Whether a class is what is behind the objects, which stays without colour.
 *
 * @param {ModelFile} file
 * @param {number} outputClass
 */
export function isBackground({ info }, outputClass) {
  return outputClass === 0 && labelOf(info, 0).toLowerCase() === 'background';
}

/**
 * @param {ModelFile} file
 * @param {number} outputClass
 */
export function colorOf(file, outputClass) {
  return `rgb(${rgbOf(file, outputClass).join(' ')})`;
}

/**
 * Neighbouring labels get colours that differ, and the same label of two files the same.
 *
 * @param {ModelFile} file
 * @param {number} outputClass
 */
function rgbOf({ info }, outputClass) {
  const index = outputClass - info.output.labelOffset + 1;
  const hue = (index * TURN + 20) % 360;
  return [0, 8, 4].map((n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (0.62 - 0.36 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  });
}
