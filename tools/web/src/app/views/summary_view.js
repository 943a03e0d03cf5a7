import { byId, fill, h } from '../dom.js';
import { megabytes, millisecondRange, milliseconds, times } from '../format.js';
import { TEXTS } from '../texts.js';
/** @import { Measured } from '../measurement.js' */
/** @import { Row } from './speed_view.js' */

/**
 * How much smaller and faster the second file is, and what that is said of.
 *
 * @param {Row} first
 * @param {Row} second
 * @param {() => void} onMeasure
 */
export function showSummary(first, second, onMeasure) {
  fill(
    'summary',
    h('p', { className: 'muted' }, TEXTS.comparedWith(second.title, first.title)),
    tile(
      first.sizeBytes / second.sizeBytes,
      [TEXTS.smaller, TEXTS.larger],
      TEXTS.sizes(megabytes(second.sizeBytes), megabytes(first.sizeBytes)),
    ),
    first.measured === null || second.measured === null
      ? h('button', { type: 'button', onclick: onMeasure }, TEXTS.measureSpeed)
      : tile(
          first.measured.median / second.measured.median,
          [TEXTS.faster, TEXTS.slower],
          TEXTS.latencies(latency(second.measured), latency(first.measured)),
        ),
    (first.measured?.isUnsteady || second.measured?.isUnsteady) === true &&
      h('p', { className: 'warning' }, TEXTS.unsteady),
  );
}

/** @param {number} share of the measurement that the button has started */
export function showSummaryMeasuring(share) {
  const button = byId('summary').querySelector('button');
  if (button === null) return;
  button.textContent = TEXTS.measuringShare(Math.round(100 * share));
  button.setAttribute('aria-disabled', 'true');
}

export function clearSummary() {
  fill('summary');
}

/**
 * @param {number} ratio
 * @param {[string, string]} names what it is from 1 on, and below
 * @param {string} details
 */
function tile(ratio, [above, below], details) {
  return h(
    'p',
    { className: 'tile' },
    h('strong', {}, times(Math.max(ratio, 1 / ratio))),
    ` ${ratio >= 1 ? above : below}`,
    h('span', { className: 'muted details' }, details),
  );
}

/** @param {Measured} measured */
function latency({ median, p5, p95 }) {
  return `${milliseconds(median)} (${millisecondRange(p5, p95)})`;
}
