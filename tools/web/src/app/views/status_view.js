import { byId, h } from '../dom.js';
import { megabytes } from '../format.js';
import { TEXTS } from '../texts.js';
/** @import { LoadProgress } from '../../runtime/download.js' */

/**
 * @param {string} text
 * @param {'busy' | 'ready' | 'failed'} state
 */
export function showStatus(text, state) {
  const status = byId('status');
  status.dataset.state = state;
  status.replaceChildren(h('span', {}, text));
}

/**
 * Shows how much of a file has arrived. Screen readers hear only what is loaded.
 *
 * @param {string} text
 * @returns {(progress: LoadProgress) => void}
 */
export function progressOf(text) {
  const bar = h('progress', { max: 1, 'aria-label': text });
  const amount = h('span', { className: 'amount', 'aria-hidden': 'true' });
  const status = byId('status');
  status.dataset.state = 'busy';
  status.replaceChildren(h('span', {}, text), bar, amount);
  return ({ loadedBytes, totalBytes }) => {
    if (totalBytes === null) {
      amount.textContent = megabytes(loadedBytes);
      return;
    }
    bar.value = loadedBytes / totalBytes;
    amount.textContent = TEXTS.loadedOf(megabytes(loadedBytes), megabytes(totalBytes));
  };
}
