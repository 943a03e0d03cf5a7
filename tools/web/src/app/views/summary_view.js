import { byId, h } from '../dom.js';
import { times } from '../format.js';
import { TEXTS } from '../texts.js';
/** @import { Row } from './speed_view.js' */

/**
 * How much smaller and faster the second file is.
 *
 * @param {Row[]} rows of both files
 * @param {() => void} onMeasure
 */
export function showSummary(rows, onMeasure) {
  const [first, second] = rows;
  if (second === undefined) {
    clearSummary();
    return;
  }
  const smaller = first.sizeBytes / second.sizeBytes;
  const faster =
    first.measured && second.measured ? first.measured.median / second.measured.median : null;
  byId('summary').replaceChildren(
    h('p', { className: 'muted' }, TEXTS.comparedWith(second.title, first.title)),
    tile(smaller, TEXTS.smaller, TEXTS.larger),
    faster === null
      ? h('button', { type: 'button', onclick: onMeasure }, TEXTS.measureSpeed)
      : tile(faster, TEXTS.faster, TEXTS.slower),
  );
}

export function clearSummary() {
  byId('summary').replaceChildren();
}

/**
 * @param {number} ratio
 * @param {string} above what it is above 1
 * @param {string} below
 */
function tile(ratio, above, below) {
  const number = h('strong', {}, times(Math.max(ratio, 1 / ratio)));
  return h('p', { className: 'tile' }, number, ` ${ratio >= 1 ? above : below}`);
}
