import { byId, facts, h } from '../dom.js';
import { megabytes, milliseconds, times } from '../format.js';
import { TEXTS } from '../texts.js';
/** @import { Receipt } from '../../runtime/litert.js' */
/** @import { LoadReceipt } from '../../runtime/engine.js' */
/** @import { Measured } from '../measurement.js' */

/**
 * A line of the table.
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
 * @property {() => void} onCancel
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
  const { columns } = TEXTS;
  const isMeasured = rows.some(({ measured }) => measured !== null);
  byId('speed').replaceChildren(
    h('p', { className: 'muted' }, TEXTS.speedIntro),
    h(
      'div',
      { className: 'scroll', tabIndex: 0, role: 'region', 'aria-labelledby': 'speed-title' },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h('tr', {}, ...Object.values(columns).map((text) => h('th', { scope: 'col' }, text))),
        ),
        h('tbody', {}, ...rows.map((row) => line(row, rows[0]))),
      ),
    ),
    h(
      'div',
      { className: 'buttons', id: 'measuring' },
      h(
        'button',
        { type: 'button', className: 'primary', id: 'measure', onclick: actions.onMeasure },
        isMeasured ? TEXTS.measureAgain : TEXTS.measure,
      ),
      actions.onGpu !== null &&
        h(
          'button',
          { type: 'button', id: 'gpu', title: TEXTS.gpuNote, onclick: actions.onGpu },
          TEXTS.measureGpu,
        ),
    ),
    h('h3', {}, TEXTS.receipt),
    facts([
      [TEXTS.versions, `LiteRT.js ${receipt.versions.litert}`],
      [TEXTS.build, TEXTS.builds[receipt.build]],
      [TEXTS.threads, String(receipt.threads)],
      [TEXTS.isolated, receipt.crossOriginIsolated ? TEXTS.yes : TEXTS.noIsolation],
      [TEXTS.runtimeSize, megabytes(receipt.wasmBytes)],
      [TEXTS.startTime, milliseconds(receipt.startMs)],
      [TEXTS.browser, browser()],
    ]),
    isolation(receipt, actions),
  );
}

/**
 * @param {number} share
 * @param {Actions} actions
 */
export function showMeasuring(share, { onCancel }) {
  const area = byId('measuring');
  const bar = area.querySelector('progress');
  if (bar !== null) {
    bar.value = share;
    return;
  }
  area.replaceChildren(
    h('progress', { max: 1, value: share, 'aria-label': TEXTS.measuring }),
    h('button', { type: 'button', onclick: onCancel }, TEXTS.cancel),
    h('span', { className: 'muted', role: 'status' }, TEXTS.measuring),
  );
}

/**
 * @param {Row} row
 * @param {Row} first whose median the others are compared with
 */
function line({ title, sizeBytes, receipt, measured }, first) {
  const dash = '–';
  const accelerator = receipt.accelerator === 'wasm' ? TEXTS.ranWasm : TEXTS.ranGpu;
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, title),
    h('td', { className: 'median' }, measured ? milliseconds(measured.median) : dash),
    h(
      'td',
      {},
      measured ? `${measured.p5.toFixed(1)}–${milliseconds(measured.p95)}` : TEXTS.notMeasured,
    ),
    h('td', {}, measured && first.measured ? times(first.measured.median / measured.median) : dash),
    h('td', {}, megabytes(sizeBytes)),
    h('td', {}, milliseconds(receipt.firstRunMs)),
    h('td', {}, `${accelerator}, ${receipt.fullyAccelerated ? TEXTS.fully : TEXTS.partly}`),
    h('td', {}, measured ? String(measured.runs) : dash),
  );
}

/**
 * @param {Receipt} receipt
 * @param {Actions} actions
 */
function isolation({ crossOriginIsolated }, { onThreads, onOneThread }) {
  if (crossOriginIsolated) {
    return h(
      'div',
      { className: 'buttons' },
      onOneThread !== null &&
        h('button', { type: 'button', onclick: onOneThread }, TEXTS.useOneThread),
    );
  }
  return h(
    'div',
    { className: 'buttons' },
    h('span', { className: 'muted' }, TEXTS.noThreads),
    onThreads === null
      ? h('span', { className: 'muted' }, TEXTS.threadsImpossible)
      : h(
          'button',
          { type: 'button', id: 'threads', title: TEXTS.useThreadsHint, onclick: onThreads },
          TEXTS.useThreads,
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
