import { byId, facts, fill, h } from '../dom.js';
import { megabytes, millisecondRange, milliseconds, times } from '../format.js';
import { TEXTS } from '../texts.js';
/** @import { Receipt } from '../../runtime/litert.js' */
/** @import { LoadReceipt } from '../../runtime/engine.js' */
/** @import { Measured } from '../measurement.js' */

/**
 * A file, and how fast it is.
 *
 * @typedef {object} Row
 * @property {string} title
 * @property {number} sizeBytes
 * @property {LoadReceipt} receipt
 * @property {Measured | null} measured
 */

/**
 * @typedef {object} Actions
 * @property {() => void} onMeasure
 * @property {(() => void) | null} onGpu
 * @property {(() => void) | null} onThreads
 * @property {(() => void) | null} onOneThread
 */

/**
 * @param {Row[]} rows
 * @param {Receipt} receipt
 * @param {Actions} actions
 */
export function showSpeed(rows, receipt, actions) {
  const isMeasured = rows.some(({ measured }) => measured !== null);
  fill(
    'speed',
    h('p', { className: 'muted' }, TEXTS.speedIntro),
    rows.length > 0 && table(rows),
    rows.some(({ measured }) => measured?.isUnsteady) &&
      h('p', { className: 'warning' }, TEXTS.unsteady),
    h(
      'div',
      { className: 'buttons', id: 'measuring' },
      rows.length > 0 &&
        h(
          'button',
          { type: 'button', className: 'primary', id: 'measure', onclick: actions.onMeasure },
          isMeasured ? TEXTS.measureAgain : TEXTS.measure,
        ),
      actions.onGpu !== null &&
        h('button', { type: 'button', id: 'gpu', onclick: actions.onGpu }, TEXTS.measureGpu),
      actions.onGpu !== null && h('span', { className: 'muted' }, TEXTS.gpuNote),
    ),
    h('h3', {}, TEXTS.receipt),
    facts([
      [TEXTS.versions, `LiteRT.js ${receipt.versions.litert}`],
      [TEXTS.build, TEXTS.builds[receipt.build]],
      [TEXTS.threads, String(receipt.threads)],
      [TEXTS.isolated, receipt.crossOriginIsolated ? TEXTS.yes : TEXTS.noIsolation],
      [TEXTS.runtimeSize, megabytes(receipt.wasmBytes)],
      [TEXTS.startTime, milliseconds(receipt.startMs)],
      [TEXTS.gpu, receipt.gpu ?? TEXTS.noGpu],
      [TEXTS.browser, browser()],
    ]),
    isolation(receipt, actions),
  );
}

/**
 * @param {number} share
 * @param {() => void} onCancel
 */
export function showMeasuring(share, onCancel) {
  const bar = byId('measuring').querySelector('progress');
  if (bar !== null) {
    bar.value = share;
    return;
  }
  fill(
    'measuring',
    h('progress', { max: 1, value: share, 'aria-label': TEXTS.measuring }),
    h('button', { type: 'button', id: 'cancel', onclick: onCancel }, TEXTS.cancel),
    h('span', { className: 'muted', role: 'status' }, TEXTS.measuring),
  );
}

/**
 * One column for each file: narrow enough for a phone.
 *
 * @param {Row[]} rows
 */
function table(rows) {
  const base = rows[0].measured;
  /**
   * @param {string} name
   * @param {(row: Row) => string} value
   * @param {string} [className]
   */
  const line = (name, value, className = '') =>
    h(
      'tr',
      { className },
      h('th', { scope: 'row' }, name),
      ...rows.map((row) => h('td', {}, value(row))),
    );
  /**
   * @param {string} name
   * @param {(measured: Measured) => string} value
   * @param {string} [className]
   */
  const timed = (name, value, className) =>
    line(name, ({ measured }) => (measured === null ? '–' : value(measured)), className);
  return h(
    'table',
    { 'aria-labelledby': 'speed-title' },
    h(
      'thead',
      {},
      h('tr', {}, h('td', {}), ...rows.map(({ title }) => h('th', { scope: 'col' }, title))),
    ),
    h(
      'tbody',
      {},
      timed(TEXTS.lines.median, ({ median }) => milliseconds(median), 'median'),
      timed(TEXTS.lines.spread, ({ p5, p95 }) => millisecondRange(p5, p95)),
      timed(TEXTS.lines.ratio, ({ median }) => (base === null ? '–' : times(base.median / median))),
      timed(TEXTS.lines.runs, ({ runs }) => String(runs)),
      line(TEXTS.lines.first, ({ receipt }) => milliseconds(receipt.firstRunMs)),
      line(TEXTS.lines.size, ({ sizeBytes }) => megabytes(sizeBytes)),
      line(TEXTS.lines.ran, ({ receipt }) => TEXTS.ranOn[receipt.accelerator]),
      line(TEXTS.lines.accelerated, ({ receipt }) =>
        receipt.fullyAccelerated ? TEXTS.fully : TEXTS.partly,
      ),
    ),
  );
}

/**
 * @param {Receipt} receipt
 * @param {Actions} actions
 */
function isolation({ crossOriginIsolated }, { onThreads, onOneThread }) {
  if (crossOriginIsolated) {
    return (
      onOneThread !== null &&
      h('button', { type: 'button', onclick: onOneThread }, TEXTS.useOneThread)
    );
  }
  return h(
    'div',
    {},
    h('p', { className: 'muted' }, TEXTS.noThreads),
    h(
      'div',
      { className: 'buttons' },
      onThreads !== null &&
        h('button', { type: 'button', id: 'threads', onclick: onThreads }, TEXTS.useThreads),
      h(
        'span',
        { className: 'muted' },
        onThreads === null ? TEXTS.threadsImpossible : TEXTS.useThreadsHint,
      ),
    ),
  );
}

function browser() {
  const match = /(Firefox|Edg|OPR|Chrome|Version)\/([\d]+)/.exec(
    navigator.userAgent.replace(/Chrome(?=.*(Edg|OPR)\/)/, ''),
  );
  const name = match?.[1] === 'Version' ? 'Safari' : match?.[1];
  return match ? `${name} ${match[2]}` : TEXTS.unknown;
}
