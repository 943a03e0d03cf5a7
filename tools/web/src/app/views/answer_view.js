import { labelOf } from '../../core/model_info.js';
import { h } from '../dom.js';
import { percent, plainNumber } from '../format.js';
import { colorOf, drawBoxes, drawMask, isBackground } from '../overlay.js';
import { TEXTS } from '../texts.js';
/** @import { Comparison } from '../../core/comparison.js' */
/** @import { ModelFile } from '../../core/model_file.js' */
/** @import { Boxes, Classes, Labels, Mask, Prediction, Values } from '../../core/prediction.js' */
/** @import { Picture } from '../pictures.js' */

/**
 * Where an answer stands.
 *
 * @typedef {object} Context
 * @property {string} title of the model
 * @property {Picture} picture
 * @property {Comparison | null} comparison with the answer of the other file
 * @property {number} index 0 for the first file, 1 for the second
 */

const TOP = 5;
const MOST_VALUES = 10;
const NOTABLE_POINTS = 1;

/**
 * What a model says, and how it differs from what the other one says.
 *
 * @param {ModelFile} file
 * @param {Prediction} prediction
 * @param {Context} context
 * @returns {Node}
 */
export function answer(file, prediction, context) {
  switch (prediction.type) {
    case 'classes':
    case 'labels':
      return scores(prediction, context);
    case 'values':
      return valueList(prediction);
    case 'boxes':
      return boxes(file, prediction, context);
    case 'mask':
      return mask(file, prediction, context);
  }
}

/**
 * @param {Classes | Labels} prediction
 * @param {Context} context
 */
function scores({ type, ranked }, { comparison, index }) {
  /** @type {Map<number, number>} */
  const others = new Map();
  // Said once: of the second file.
  if (index === 1 && (comparison?.type === 'classes' || comparison?.type === 'labels')) {
    for (const { outputClass, first } of comparison.pairs) others.set(outputClass, first);
  }
  const items = ranked
    .slice(0, TOP)
    .map(({ outputClass, label, score }, rank) =>
      h(
        'li',
        { className: rank === 0 ? 'best' : '' },
        h('span', { className: 'label' }, label),
        h('span', { className: 'score' }, percent(score)),
        ...compared(score, others.get(outputClass)),
      ),
    );
  const list = h('ol', { className: 'scores' }, ...items);
  if (type === 'classes') return list;
  return h('div', {}, list, h('p', { className: 'muted' }, TEXTS.threshold));
}

/**
 * A score as a bar, and how far it is from that of the other file.
 *
 * @param {number} score
 * @param {number | undefined} other
 */
function compared(score, other) {
  const bar = h('span', { className: 'bar', 'aria-hidden': 'true' }, h('span', {}));
  bar.style.setProperty('--share', String(score));
  if (other === undefined) return [bar];
  const points = 100 * (score - other);
  if (Math.abs(points) < NOTABLE_POINTS) {
    return [h('span', { className: 'points', title: TEXTS.nearlyEqual }, '≈'), bar];
  }
  bar.style.setProperty('--other', String(other));
  bar.classList.add('compared');
  const text = `${points > 0 ? '+' : '−'}${Math.abs(points).toFixed(1)}`;
  return [h('span', { className: 'points notable', title: TEXTS.scorePoints(text) }, text), bar];
}

/** @param {Values} prediction */
function valueList({ values }) {
  const items = values
    .slice(0, MOST_VALUES)
    .map(({ label, value }) => item([label], plainNumber(value)));
  return h('ol', { className: 'scores' }, ...items);
}

/**
 * @param {ModelFile} file
 * @param {Boxes} prediction
 * @param {Context} context
 */
function boxes(file, prediction, { title, picture, comparison, index }) {
  const unmatched = new Set(
    comparison?.type === 'boxes' ? [comparison.onlyFirst, comparison.onlySecond][index] : [],
  );
  const items = prediction.boxes.slice(0, TOP).map((box) => {
    const { outputClass, label, score } = box.found;
    const className = unmatched.has(box) ? 'unmatched' : '';
    return item([swatch(file, outputClass), label], percent(score), className);
  });
  const more = prediction.boxes.length - items.length;
  return h(
    'div',
    {},
    overlay(drawBoxes(picture, file, prediction.boxes, unmatched), title),
    items.length > 0 && h('ol', { className: 'scores' }, ...items),
    items.length === 0 && h('p', { className: 'muted' }, TEXTS.noBoxes),
    more > 0 && h('p', { className: 'muted' }, TEXTS.moreBoxes(more)),
  );
}

/**
 * @param {ModelFile} file
 * @param {Mask} prediction
 * @param {Context} context
 */
function mask(file, prediction, { title, picture, comparison }) {
  const differs = comparison?.type === 'mask' ? comparison.differs : null;
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const it of prediction.classes) counts.set(it, (counts.get(it) ?? 0) + 1);
  const items = [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, TOP)
    .map(([outputClass, pixels]) => {
      const color = isBackground(file, outputClass) ? [] : [swatch(file, outputClass)];
      const share = percent(pixels / prediction.classes.length);
      return item([...color, labelOf(file.info, outputClass)], share);
    });
  return h(
    'div',
    {},
    overlay(drawMask(picture, file, prediction, differs), title),
    h('ol', { className: 'scores' }, ...items),
    differs?.includes(1) === true && h('p', { className: 'muted' }, TEXTS.markDifference),
  );
}

/**
 * @param {(Node | string)[]} label
 * @param {string} score
 * @param {string} [className]
 */
function item(label, score, className = '') {
  return h(
    'li',
    { className },
    h('span', { className: 'label' }, ...label),
    h('span', { className: 'score' }, score),
  );
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} title
 */
function overlay(canvas, title) {
  canvas.className = 'overlay';
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', TEXTS.overlayAlt(title));
  return canvas;
}

/**
 * @param {ModelFile} file
 * @param {number} outputClass
 */
function swatch(file, outputClass) {
  const square = h('span', { className: 'swatch', 'aria-hidden': 'true' });
  square.style.background = colorOf(file, outputClass);
  return square;
}
