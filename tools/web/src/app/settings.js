import { AppError } from './app_error.js';
import { TEXTS } from './texts.js';
/** @import { Build } from '../runtime/builds.js' */

/**
 * What the address of the page asks for.
 *
 * @typedef {object} Settings
 * @property {URL[]} models files to load; empty for those that the page brings along
 * @property {string} sample name of the first picture
 * @property {Build | 'auto'} build of the runtime
 * @property {number} threads
 */

const MODELS = ['float32', 'int8'].map((recipe) => `models/mobilevit_xxs_cifar10_${recipe}.tflite`);
const BUILDS = ['relaxed', 'plain', 'threaded'];
const MOST_THREADS = 16;

export const bundledModels = () => MODELS.map((path) => new URL(path, document.baseURI));

/** @returns {Settings} */
export function readSettings() {
  const query = new URLSearchParams(location.search);
  const build = query.get('build') ?? 'auto';
  const threads = Math.round(Number(query.get('threads')));
  return {
    models: query.getAll('model').map((it) => new URL(it, document.baseURI)),
    sample: query.get('sample') ?? '',
    build: /** @type {Build | 'auto'} */ (BUILDS.includes(build) ? build : 'auto'),
    threads: threads > 0 ? Math.min(threads, MOST_THREADS) : defaultThreads(),
  };
}

/** @param {URL} url */
export function checkOwnOrigin(url) {
  if (url.origin === location.origin) return;
  throw new AppError(TEXTS.otherOrigin(url.origin), TEXTS.otherOriginAdvice);
}

/** @param {Record<string, string | null>} changes of the address, which reloads the page */
export function reloadWith(changes) {
  const url = new URL(location.href);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) url.searchParams.delete(key);
    else url.searchParams.set(key, value);
  }
  if (url.href === location.href) location.reload();
  else location.assign(url);
}

function defaultThreads() {
  return self.crossOriginIsolated ? mostThreads() : 1;
}

/** More than four seldom help so small models. */
export function mostThreads() {
  return Math.max(1, Math.min(navigator.hardwareConcurrency || 1, 4));
}
