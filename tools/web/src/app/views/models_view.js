import { plain } from '../../core/strict_json.js';
import { facts, fill, h } from '../dom.js';
import { decibels, megabytes } from '../format.js';
import { TEXTS } from '../texts.js';
/** @import { Model } from '../models.js' */

/**
 * @param {Model[]} models
 * @param {object} actions
 * @param {(files: File[]) => void} actions.onOpen
 * @param {(() => void) | null} actions.onReset back to the files of the page
 */
export function showModels(models, { onOpen, onReset }) {
  const input = h('input', {
    type: 'file',
    accept: '.tflite',
    multiple: true,
    hidden: true,
    onchange: () => {
      onOpen([...(input.files ?? [])]);
      input.value = '';
    },
  });
  fill(
    'models',
    h('p', { className: 'muted' }, TEXTS.modelsIntro),
    h('div', { className: 'results' }, ...models.map(card)),
    h(
      'div',
      { className: 'buttons' },
      input,
      h(
        'button',
        { type: 'button', id: 'open-models', onclick: () => input.click() },
        TEXTS.openModels,
      ),
      onReset !== null &&
        h('button', { type: 'button', id: 'reset-models', onclick: onReset }, TEXTS.bundled),
      h('span', { className: 'muted' }, TEXTS.modelsHint),
    ),
  );
}

/** @param {Model} model */
function card({ name, title, address, file }) {
  const { info, height, width, input, sizeBytes } = file;
  const fidelity = plain(info.fidelity).sqnr_db;
  /** @type {[string, string][]} */
  const measured = typeof fidelity === 'number' ? [[TEXTS.fidelity, decibels(fidelity)]] : [];
  return h(
    'article',
    { className: 'card', 'aria-label': title },
    h('h3', {}, h('span', { className: 'title' }, title)),
    h(
      'p',
      { className: 'filename' },
      address === null ? name : h('a', { href: address, download: '' }, name),
    ),
    facts([
      [TEXTS.task, TEXTS.tasks[info.task]],
      [TEXTS.input, `${TEXTS.inputOf(height, width)}, ${input.dtype}`],
      [TEXTS.labels, labels(info.labels)],
      [TEXTS.size, megabytes(sizeBytes)],
      [TEXTS.trainingData, info.trainingData || TEXTS.unknown],
      [TEXTS.licence, info.licence || TEXTS.unknown],
      ...measured,
    ]),
  );
}

/** @param {string[]} all */
function labels(all) {
  if (all.length === 0) return TEXTS.unknown;
  return all.length <= 10 ? all.join(', ') : `${all.length}`;
}
