import { AppError } from './app_error.js';
import { TEXTS } from './texts.js';
/** @import { Build } from '../runtime/builds.js' */

/**
 * What the address of the page asks for.
 *
 * @typedef {object} Settings
 * @property {string[]} models addresses of files; empty for those that the page brings along
 * @property {string} sample name of the first picture; empty for the first sample
 * @property {Build | 'auto'} build of the runtime
 * @property {number} threads
 */

export const BUNDLED_MODELS = Object.freeze(
  ['float32', 'int8'].map((recipe) => `models/mobilevit_xxs_cifar10_${recipe}.tflite`),
);
const BUILDS = ['relaxed', 'plain', 'threaded'];
const MOST_THREADS = 16;
// More seldom help so small models.
const USUAL_THREADS = 4;

/** @returns {Settings} */
export function readSettings() {
  const query = new URLSearchParams(location.search);
  const build = query.get('build') ?? 'auto';
  const threads = Math.round(Number(query.get('threads')));
  return {
    models: query.getAll('model'),
    sample: query.get('sample') ?? '',
    build: /** @type {Build | 'auto'} */ (BUILDS.includes(build) ? build : 'auto'),
    threads: threads > 0 ? Math.min(threads, MOST_THREADS) : usualThreads(),
  };
}

/**
 * @param {string} address of a file, perhaps relative to the page
 * @returns {URL}
 * @throws {AppError} if it is none, or on another site
 */
export function ownUrl(address) {
  if (!URL.canParse(address, document.baseURI)) {
    throw new AppError(TEXTS.noAddress(address), TEXTS.noAddressAdvice);
  }
  const url = new URL(address, document.baseURI);
  if (url.origin === location.origin) return url;
  throw new AppError(TEXTS.otherOrigin(url.origin), TEXTS.otherOriginAdvice);
}

/**
 * Keeps in the address of the page what it shows, so that it can be passed on.
 *
 * @param {'model' | 'sample'} key
 * @param {string[]} values
 */
export function keepInAddress(key, values) {
  const url = new URL(location.href);
  url.searchParams.delete(key);
  for (const value of values) url.searchParams.append(key, value);
  // Slashes need no escape there.
  url.search = url.search.replaceAll('%2F', '/');
  history.replaceState(null, '', url);
}

/** Reloads the page with as many threads as are usual. */
export function reloadWithUsualThreads() {
  const url = new URL(location.href);
  url.searchParams.delete('threads');
  if (url.href === location.href) location.reload();
  else location.assign(url);
}

function usualThreads() {
  if (!self.crossOriginIsolated) return 1;
  return Math.max(1, Math.min(navigator.hardwareConcurrency || 1, USUAL_THREADS));
}
