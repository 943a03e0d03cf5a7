import { showError } from './views/errors_view.js';

/**
 * Does something; tells what goes wrong, and goes on.
 *
 * @param {() => Promise<unknown>} action
 * @param {{title?: string, onRetry?: () => void}} [options] as of `showError`
 * @returns {Promise<boolean>} whether it succeeded
 */
export async function attempt(action, options) {
  try {
    await action();
    return true;
  } catch (error) {
    showError(error, options);
    return false;
  }
}
