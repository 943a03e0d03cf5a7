import { labelOf } from '../../core/model_info.js';
import { byId, h } from '../dom.js';
import { megabytes, percent, plainNumber } from '../format.js';
import { colorOf, drawBoxes, drawMask, isBackground, seenPart } from '../overlay.js';
import { TEXTS } from '../texts.js';
/** @import { Comparison, ScorePair } from '../../core/comparison.js' */
/** @import { OutputValues } from '../../core/output_decoder.js' */
/** @import { Boxes, Classes, Labels, Mask, Prediction, Values } from '../../core/prediction.js' */
/** @import { Model } from '../models.js' */
/** @import { Picture } from '../pictures.js' */

/** @typedef {{model: Model, prediction: Prediction, outputs: OutputValues}} Result */

const TOP = 5;
const NOTABLE_POINTS = 1;

/**
 * @param {Result[]} results
 * @param {Picture} picture
 * @param {Comparison | null} comparison of two results
 */
export function showResults(results, picture, comparison) {
  byId('results').setAttribute('aria-busy', 'false');
  byId('results').replaceChildren(
    ...results.map((result, index) =>
      card(result.model, answer(result, picture, comparison, index)),
    ),
  );
  const line = byId('comparison');
  line.dataset.same = String(comparison?.same ?? '');
  line.textContent =
    results.length < 2
      ? TEXTS.oneFile
      : comparison === null
        ? TEXTS.notComparable
        : (comparison.same ? TEXTS.same : TEXTS.different) + details(comparison);
}

/** @param {Model[]} models whose answers are not known yet */
export function showWaiting(models) {
  byId('results').setAttribute('aria-busy', 'true');
  if (byId('results').querySelectorAll('.card').length === models.length) return;
  byId('results').replaceChildren(
    ...models.map((model) => card(model, h('p', { className: 'muted' }, TEXTS.computing))),
  );
}

/** @param {number} number of files that are being loaded */
export function showPlaceholders(number) {
  const empty = () => h('div', { className: 'card placeholder', 'aria-hidden': 'true' });
  byId('results').replaceChildren(...Array.from({ length: number }, empty));
  byId('comparison').textContent = '\u00a0';
  byId('comparison').dataset.same = '';
}

/**
 * @param {Model} model
 * @param {Node} content
 */
function card(model, content) {
  return h(
    'article',
    { className: 'card', 'aria-label': model.title },
    h(
      'h3',
      {},
      h('span', { className: 'title' }, model.title),
      h('span', { className: 'size' }, megabytes(model.file.sizeBytes)),
    ),
    content,
  );
}

/**
 * @param {Result} result
 * @param {Picture} picture
 * @param {Comparison | null} comparison
 * @param {number} index
 * @returns {Node}
 */
function answer({ model, prediction }, picture, comparison, index) {
  switch (prediction.type) {
    case 'classes':
    case 'labels':
      return scores(prediction, comparison, index);
    case 'values':
      return valueList(prediction);
    case 'boxes':
      return boxes(model, prediction, picture, comparison, index);
    case 'mask':
      return mask(model, prediction, picture, comparison);
  }
}

/**
 * @param {Classes | Labels} prediction
 * @param {Comparison | null} comparison
 * @param {number} index
 */
function scores({ type, ranked }, comparison, index) {
  /** @type {Map<number, ScorePair>} */
  const pairs = new Map();
  if (comparison?.type === 'classes' || comparison?.type === 'labels') {
    for (const pair of comparison.pairs) pairs.set(pair.outputClass, pair);
  }
  const items = ranked.slice(0, TOP).map(({ outputClass, label, score }, rank) => {
    const pair = pairs.get(outputClass);
    const points = pair === undefined ? 0 : 100 * (pair.second - pair.first) * (index ? 1 : -1);
    const isNotable = Math.abs(points) >= NOTABLE_POINTS;
    const text = `${points > 0 ? '+' : '−'}${Math.abs(points).toFixed(1)}`;
    const bar = h('span', { className: 'bar', 'aria-hidden': 'true' }, h('span', {}));
    bar.style.setProperty('--share', String(score));
    if (isNotable && pair !== undefined && index === 1) {
      bar.style.setProperty('--other', String(pair.first));
      bar.classList.add('compared');
    }
    return h(
      'li',
      { className: rank === 0 ? 'best' : '' },
      h('span', { className: 'label' }, label),
      h('span', { className: 'score' }, percent(score)),
      index === 1 &&
        h(
          'span',
          { className: isNotable ? 'points notable' : 'points', title: TEXTS.scorePoints(text) },
          pair === undefined ? '' : isNotable ? text : '≈',
        ),
      bar,
    );
  });
  const list = h('ol', { className: 'scores' }, ...items);
  if (type === 'classes') return list;
  return h('div', {}, list, h('p', { className: 'muted' }, TEXTS.threshold));
}

/** @param {Values} prediction */
function valueList({ values }) {
  return h(
    'ol',
    { className: 'scores' },
    ...values
      .slice(0, 2 * TOP)
      .map(({ label, value }) =>
        h(
          'li',
          {},
          h('span', { className: 'label' }, label),
          h('span', { className: 'score' }, plainNumber(value)),
        ),
      ),
  );
}

/**
 * @param {Model} model
 * @param {Boxes} prediction
 * @param {Picture} picture
 * @param {Comparison | null} comparison
 * @param {number} index
 */
function boxes({ file, title }, prediction, picture, comparison, index) {
  const unmatched = new Set(
    comparison?.type === 'boxes' ? [comparison.onlyFirst, comparison.onlySecond][index] : [],
  );
  const canvas = drawBoxes(picture, seenPart(file, picture), prediction.boxes, unmatched);
  const list = prediction.boxes
    .slice(0, TOP)
    .map((box) =>
      h(
        'li',
        { className: unmatched.has(box) ? 'unmatched' : '' },
        h('span', { className: 'label' }, swatch(box.found.outputClass), box.found.label),
        h('span', { className: 'score' }, percent(box.found.score)),
      ),
    );
  const more = prediction.boxes.length - list.length;
  return h(
    'div',
    {},
    overlay(canvas, title),
    list.length > 0 && h('ol', { className: 'scores' }, ...list),
    list.length === 0 && h('p', { className: 'muted' }, TEXTS.noBoxes),
    more > 0 && h('p', { className: 'muted' }, TEXTS.moreBoxes(more)),
  );
}

/**
 * @param {Model} model
 * @param {Mask} prediction
 * @param {Picture} picture
 * @param {Comparison | null} comparison
 */
function mask({ file, title }, prediction, picture, comparison) {
  const differs = comparison?.type === 'mask' ? comparison.differs : null;
  const canvas = drawMask(picture, file, prediction, differs);
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const it of prediction.classes) counts.set(it, (counts.get(it) ?? 0) + 1);
  const largest = [...counts].sort((a, b) => b[1] - a[1]).slice(0, TOP);
  return h(
    'div',
    {},
    overlay(canvas, title),
    h(
      'ol',
      { className: 'scores' },
      ...largest.map(([outputClass, pixels]) =>
        h(
          'li',
          {},
          h(
            'span',
            { className: 'label' },
            !isBackground(file, outputClass) && swatch(outputClass),
            labelOf(file.info, outputClass),
          ),
          h('span', { className: 'score' }, percent(pixels / prediction.classes.length)),
        ),
      ),
    ),
    differs?.includes(1) === true && h('p', { className: 'muted' }, TEXTS.markDifference),
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

/** @param {number} outputClass */
function swatch(outputClass) {
  const square = h('span', { className: 'swatch', 'aria-hidden': 'true' });
  square.style.background = colorOf(outputClass);
  return square;
}

/** @param {Comparison} comparison */
function details(comparison) {
  switch (comparison.type) {
    case 'classes':
    case 'labels':
      return TEXTS.differBy((100 * comparison.largestDifference).toFixed(1));
    case 'values':
      return TEXTS.valuesDiffer(plainNumber(comparison.largestDifference));
    case 'boxes':
      return TEXTS.boxesCompared(
        comparison.pairs.length,
        comparison.onlyFirst.length + comparison.onlySecond.length,
      );
    case 'mask':
      return TEXTS.maskCompared(percent(comparison.agreement));
  }
}
