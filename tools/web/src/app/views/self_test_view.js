import { fill, h } from '../dom.js';
import { decibels } from '../format.js';
import { TEXTS } from '../texts.js';
/** @import { SelfTestResult } from '../../core/self_test.js' */
/** @import { Model } from '../models.js' */

/** @typedef {{model: Model, result: SelfTestResult | null}} Tested null if the file has none */

/** @param {Tested[]} tested */
export function showSelfTests(tested) {
  fill(
    'tests',
    h('p', { className: 'muted' }, TEXTS.testIntro),
    ...tested.map(({ model, result }) => entry(model, result)),
  );
}

/**
 * @param {Model} model
 * @param {SelfTestResult | null} result
 */
function entry({ title }, result) {
  const state = result === null ? 'none' : result.passed ? result.verdict : 'different';
  return h(
    'div',
    { className: 'test', 'data-verdict': state },
    h(
      'span',
      { className: 'badge' },
      result === null ? TEXTS.none : TEXTS.verdictBadges[result.verdict],
    ),
    h('span', { className: 'title' }, title),
    h('span', { className: 'text' }, sentence(result)),
    result !== null &&
      h(
        'span',
        { className: 'muted text' },
        TEXTS.expectedVerdict(result.expected, result.runtime),
      ),
  );
}

/** @param {SelfTestResult | null} result */
function sentence(result) {
  if (result === null) return TEXTS.noSelfTest;
  const { verdict, sqnrDb } = result;
  if (verdict === 'identical') return TEXTS.identical;
  return verdict === 'within' ? TEXTS.within(decibels(sqnrDb)) : TEXTS.deviates(decibels(sqnrDb));
}
