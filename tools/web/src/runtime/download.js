import { RunError } from './run_error.js';

/**
 * How much of a file has arrived.
 *
 * @typedef {object} LoadProgress
 * @property {number} loadedBytes
 * @property {number | null} totalBytes null if the server does not tell
 */

/**
 * Fetches a file.
 *
 * @param {string | URL} url
 * @param {object} [options]
 * @param {number | null} [options.totalBytes] if it is known
 * @param {(progress: LoadProgress) => void} [options.onProgress]
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 * @throws {RunError} if it is missing, or cannot be fetched
 */
export async function download(url, { totalBytes = null, onProgress, signal } = {}) {
  try {
    const response = await fetch(url, { credentials: 'same-origin', signal });
    if (!response.ok) throw refused(url, response);
    return await readBody(response, totalBytes ?? announcedBytes(response), onProgress);
  } catch (error) {
    if (error instanceof RunError) throw error;
    if (signal?.aborted) throw new RunError('cancelled', `Loading ${url} was cancelled`);
    throw new RunError('network', `${url} cannot be loaded: ${error}`, { cause: error });
  }
}

/**
 * @param {string | URL} url
 * @param {Response} response
 */
function refused(url, { status, statusText }) {
  const kind = status === 404 || status === 410 ? 'http_404' : 'network';
  return new RunError(kind, `Expected the file ${url}. Received: ${status} ${statusText}`);
}

/**
 * The length that a server tells, unless it is that of compressed bytes.
 *
 * @param {Response} response
 */
function announcedBytes({ headers }) {
  if (headers.has('content-encoding')) return null;
  return Number(headers.get('content-length')) || null;
}

/**
 * @param {Response} response
 * @param {number | null} totalBytes
 * @param {((progress: LoadProgress) => void) | undefined} onProgress
 */
async function readBody(response, totalBytes, onProgress) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let loadedBytes = 0;
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  for (;;) {
    const { value } = await reader.read();
    if (value === undefined) break;
    parts.push(value);
    loadedBytes += value.length;
    onProgress?.({ loadedBytes, totalBytes });
  }
  const bytes = new Uint8Array(loadedBytes);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
