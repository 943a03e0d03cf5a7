import { byId, h } from '../dom.js';
import { TEXTS } from '../texts.js';

/**
 * Tells of an error, and what to do about it.
 *
 * @param {unknown} error
 * @param {string} [title] what failed
 */
export function showError(error, title) {
  const { message, advice } = described(error);
  const box = h(
    'div',
    { className: 'notice error' },
    h('p', { className: 'notice-title' }, title ?? message),
    title !== undefined && h('p', {}, message),
    h('p', { className: 'advice' }, advice),
    h('button', { type: 'button', className: 'quiet', onclick: () => box.remove() }, TEXTS.dismiss),
  );
  byId('errors').append(box);
  box.scrollIntoView({ block: 'nearest' });
}

export function clearErrors() {
  byId('errors').replaceChildren();
}

/** @param {unknown} error */
function described(error) {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && 'advice' in error) return { message, advice: String(error.advice) };
  return { message: `${TEXTS.unexpected}: ${message}`, advice: TEXTS.unexpectedAdvice };
}
