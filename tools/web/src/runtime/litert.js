import { getGlobalLiteRt, loadLiteRt, supportsFeature } from '@litertjs/core';
import { BUILDS, LITERT_VERSION } from './builds.js';
import { download } from './download.js';
import { RunError } from './run_error.js';
/** @import { Build } from './builds.js' */
/** @import { LoadProgress } from './download.js' */

/**
 * @typedef {object} StartOptions
 * @property {string} wasmFolder absolute address of the folder with LiteRT.js's wasm files
 * @property {Build | 'auto'} [build] `auto`, the default, takes the fastest that runs here
 * @property {number} [threads] most threads that a file may use, 1 by default; more than one needs
 *   a page that is cross-origin isolated, and is ignored on others unless the build is `threaded`
 */

/**
 * How the files run.
 *
 * @typedef {object} Receipt
 * @property {Build} build
 * @property {'relaxed' | 'plain'} simd
 * @property {number} threads that a file uses
 * @property {boolean} crossOriginIsolated whether the page may use several threads
 * @property {string | null} gpu what the browser tells of it; null if it gives none to this page
 * @property {{litert: string}} versions
 * @property {number} wasmBytes size of the runtime
 * @property {number} startMs milliseconds until it could be used, without loading it
 */

/**
 * Loads LiteRT.js into this worker, once.
 *
 * @param {StartOptions} options
 * @param {object} listeners
 * @param {(progress: LoadProgress) => void} listeners.onProgress
 * @param {(reason: string) => void} listeners.onAbort called if LiteRT.js ends for good
 * @returns {Promise<Receipt>}
 * @throws {RunError} if this browser cannot run it, or a file is missing
 */
export async function startLiteRt(options, { onProgress, onAbort }) {
  if (typeof WebAssembly !== 'object') {
    throw new RunError('no_webassembly', 'This browser has no WebAssembly, or it is turned off');
  }
  const threads = Math.max(options.threads ?? 1, 1);
  const build = await chooseBuild(options.build ?? 'auto', threads);
  const { name, wasmBytes } = BUILDS[build];
  const folder = options.wasmFolder.replace(/\/?$/, '/');
  const wasmBinary = await download(`${folder}${name}.wasm`, {
    totalBytes: wasmBytes,
    onProgress,
  });
  const begun = performance.now();
  // Emscripten's settings; in a worker it would look for files beside worker.js.
  Object.assign(self, {
    Module: {
      wasmBinary,
      locateFile: (/** @type {string} */ file) => folder + file,
      mainScriptUrlOrBlob: `${folder}${name}.js`,
      onAbort,
      // LiteRT.js reports each step as if it were an error.
      printErr: (/** @type {string} */ line) => console.debug(line),
    },
  });
  try {
    await withoutWebGpu(() => loadLiteRt(`${folder}${name}.js`));
  } catch (error) {
    throw startError(error, `${folder}${name}.js`);
  }
  return {
    build,
    simd: build === 'plain' ? 'plain' : 'relaxed',
    threads: build === 'threaded' ? Math.min(threads, liteRtWasm().getThreadCount()) : 1,
    crossOriginIsolated: globalThis.crossOriginIsolated === true,
    gpu: await nameOfGpu(),
    versions: { litert: LITERT_VERSION },
    wasmBytes: wasmBinary.length,
    startMs: performance.now() - begun,
  };
}

/**
 * What is needed of LiteRT.js's wasm, of which its own types tell too little.
 *
 * @typedef {object} LiteRtWasm
 * @property {(size: number) => number} _malloc
 * @property {(at: number) => void} _free
 * @property {() => number} getThreadCount
 */

export function liteRtWasm() {
  return /** @type {LiteRtWasm} */ (/** @type {unknown} */ (getGlobalLiteRt().liteRtWasm));
}

/**
 * @param {Build | 'auto'} wanted
 * @param {number} threads
 * @returns {Promise<Build>}
 */
async function chooseBuild(wanted, threads) {
  if (wanted === 'plain' || wanted === 'relaxed') return wanted;
  const hasRelaxed = await supportsFeature('relaxedSimd');
  const hasThreads = hasRelaxed && (await supportsFeature('threads'));
  if (wanted === 'threaded') {
    if (hasThreads) return wanted;
    throw new RunError('no_threads', 'This page or browser has no shared memory for threads');
  }
  if (!hasRelaxed) return 'plain';
  return threads > 1 && hasThreads ? 'threaded' : 'relaxed';
}

/** Asks for the GPU: browsers without one may still have its interface. */
async function nameOfGpu() {
  try {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) return null;
    const { vendor, architecture } = adapter.info;
    return [vendor, architecture].filter(Boolean).join(' ');
  } catch {
    return null;
  }
}

/**
 * LiteRT.js would ask for a GPU at once, and complain where there is none.
 *
 * @template T
 * @param {() => Promise<T>} load
 */
async function withoutWebGpu(load) {
  const { warn } = console;
  Object.defineProperty(navigator, 'gpu', { value: undefined, configurable: true });
  console.warn = () => {};
  try {
    return await load();
  } finally {
    console.warn = warn;
    // Uncovers that of the browser.
    Reflect.deleteProperty(navigator, 'gpu');
  }
}

/**
 * @param {unknown} error
 * @param {string} script
 */
function startError(error, script) {
  if (error instanceof WebAssembly.CompileError) {
    return new RunError('no_webassembly', `LiteRT.js cannot be compiled: ${error.message}`, {
      cause: error,
    });
  }
  // What importScripts says of a missing file.
  if (error instanceof Error && error.name === 'NetworkError') {
    return new RunError('http_404', `Expected the file ${script}. Received: ${error.message}`);
  }
  return error;
}
