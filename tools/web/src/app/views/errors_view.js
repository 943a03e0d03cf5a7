import { RunError } from '../../runtime/run_error.js';
import { byId, h } from '../dom.js';
import { TEXTS } from '../texts.js';

/**
 * Tells of an error, and what to do about it; once, even if it happens again.
 *
 * @param {unknown} error
 * @param {object} [options]
 * @param {string} [options.title] what failed
 * @param {() => void} [options.onRetry] tries it again, if that may help
 * @param {boolean} [options.isLasting] whether the page is of no use until it is solved
 */
export function showError(error, { title, onRetry, isLasting = false } = {}) {
  const lines = linesOf(error, title);
  const key = lines.join('\n');
  const area = byId('errors');
  if ([...area.children].some((it) => it.getAttribute('data-key') === key)) return;
  const close = () => box.remove();
  const retry = () => {
    close();
    onRetry?.();
  };
  // A file stays what it is.
  const canRetry = onRetry !== undefined && error instanceof RunError;
  const box = h(
    'div',
    { className: 'notice error', 'data-key': key },
    ...lines.map((text, index) => h('p', index === 0 ? { className: 'notice-title' } : {}, text)),
    h(
      'div',
      { className: 'buttons' },
      canRetry && h('button', { type: 'button', onclick: retry }, TEXTS.tryAgain),
      !isLasting &&
        h('button', { type: 'button', className: 'quiet', onclick: close }, TEXTS.dismiss),
    ),
  );
  area.append(box);
  box.scrollIntoView({ block: 'nearest' });
}

export function clearErrors() {
  byId('errors').replaceChildren();
}

/**
 * What failed, why, and what to do about it.
 *
 * @param {unknown} error
 * @param {string | undefined} title
 */
function linesOf(error, title) {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Error && 'advice' in error)) {
    return [title ?? TEXTS.unexpected, message, TEXTS.unexpectedAdvice];
  }
  const known = 'kind' in error ? TEXTS.problems.get(String(error.kind)) : undefined;
  const lines = [known ?? title, message, String(error.advice)];
  return lines.filter((it) => it !== undefined);
}
