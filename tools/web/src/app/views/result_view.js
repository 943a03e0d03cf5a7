import { byId, fill, h } from '../dom.js';
import { megabytes, percent, plainNumber } from '../format.js';
import { TEXTS } from '../texts.js';
import { answer } from './answer_view.js';
/** @import { Comparison } from '../../core/comparison.js' */
/** @import { OutputValues } from '../../core/output_decoder.js' */
/** @import { Prediction } from '../../core/prediction.js' */
/** @import { Model } from '../models.js' */
/** @import { Picture } from '../pictures.js' */

/**
 * What a model says of a picture; null if it could not be computed.
 *
 * @typedef {object} Result
 * @property {Model} model
 * @property {Prediction | null} prediction
 * @property {OutputValues | null} outputs
 */

/**
 * @param {Result[]} results
 * @param {Picture} picture
 * @param {Comparison | null} comparison of two results
 */
export function showResults(results, picture, comparison) {
  const cards = results.map(({ model, prediction }, index) =>
    card(
      model,
      prediction === null
        ? h('p', { className: 'muted' }, TEXTS.noAnswer)
        : answer(model.file, prediction, { title: model.title, picture, comparison, index }),
    ),
  );
  showCards(cards, { isBusy: false });
  showLine(lineOf(results, comparison), comparison?.same);
}

/** @param {Model[]} models whose answers are not known yet */
export function showWaiting(models) {
  const shown = [...byId('results').children].map((it) => it.getAttribute('aria-label'));
  const isShown = String(shown) === String(models.map(({ title }) => title));
  const computing = () => h('p', { className: 'muted' }, TEXTS.computing);
  // What is shown for another picture stays until it is replaced: nothing flickers.
  if (isShown) byId('results').setAttribute('aria-busy', 'true');
  else
    showCards(
      models.map((model) => card(model, computing())),
      { isBusy: true },
    );
}

/** @param {number} number of files that are being loaded */
export function showPlaceholders(number) {
  const empty = () => h('div', { className: 'card', 'aria-hidden': 'true' });
  showCards(Array.from({ length: number }, empty), { isBusy: number > 0 });
  showLine(number > 0 ? TEXTS.loadingModels : TEXTS.noModels);
}

/** For models that have nothing to answer to. */
export function showNoPicture() {
  showCards([], { isBusy: false });
  showLine(TEXTS.noPictureYet);
}

/**
 * @param {Node[]} cards
 * @param {{isBusy: boolean}} options whether others follow
 */
function showCards(cards, { isBusy }) {
  fill('results', ...cards);
  byId('results').setAttribute('aria-busy', String(isBusy));
}

/**
 * @param {string} text
 * @param {boolean} [same] whether both files give the same answer
 */
function showLine(text, same) {
  byId('comparison').dataset.same = String(same ?? '');
  byId('comparison').textContent = text;
}

/**
 * @param {Result[]} results
 * @param {Comparison | null} comparison
 */
function lineOf(results, comparison) {
  if (results.some(({ prediction }) => prediction === null)) return TEXTS.notComputed;
  if (results.length < 2) return TEXTS.oneFile;
  if (comparison === null) return TEXTS.notComparable;
  return (comparison.same ? TEXTS.same : TEXTS.different) + details(comparison);
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
