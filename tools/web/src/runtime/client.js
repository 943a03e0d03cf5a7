import { Connection } from './protocol.js';
import { RunError } from './run_error.js';
/** @import { LoadProgress } from './download.js' */
/** @import { TensorData } from '../core/tensor_data.js' */
/** @import { Accelerator, LoadReceipt, MeasureProgress, OutputData } from './engine.js' */
/** @import { Receipt, StartOptions } from './litert.js' */
/** @import { Port } from './protocol.js' */

/**
 * A `Worker`, as far as it is needed.
 *
 * @typedef {object} WorkerLike
 * @property {Port['postMessage']} postMessage
 * @property {(type: any, listener: (event: any) => void) => void} addEventListener
 * @property {() => void} terminate
 */

/**
 * @typedef {StartOptions & {createWorker: () => WorkerLike}} RunnerOptions `createWorker` starts
 *   the script `worker.js`.
 */

/**
 * How long to measure: a number of inferences, or seconds.
 *
 * @typedef {{warmup?: number, runs: number, seconds?: undefined}
 *   | {warmup?: number, seconds: number, runs?: undefined}} MeasureOptions
 */

/** @typedef {{bytes: Uint8Array, accelerator: Accelerator}} Source */

const WARMUP = 5;

/**
 * Runs files in a worker, so that the page stays alive.
 *
 * All methods reject with a `RunError`. A file that cannot be loaded leaves the others usable. If
 * the worker itself ends, whatever was asked of it is rejected, and the next call starts another
 * one, with the same files.
 */
export class Runner {
  #options;
  #onProgress = /** @type {((progress: LoadProgress) => void) | undefined} */ (undefined);
  /** @type {Map<string, Source>} */
  #sources = new Map();
  /** @type {WorkerLike | null} */
  #worker = null;
  /** @type {Promise<{connection: Connection, receipt: Receipt}> | null} */
  #session = null;
  #isClosed = false;

  /** @param {RunnerOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Loads LiteRT.js into a worker.
   *
   * @param {(progress: LoadProgress) => void} [onProgress] of the runtime's wasm
   * @returns {Promise<Receipt>}
   */
  async start(onProgress) {
    this.#onProgress = onProgress;
    const { receipt } = await this.#ready();
    // A worker that replaces this one starts from the browser's cache.
    this.#onProgress = undefined;
    return receipt;
  }

  /**
   * Loads a file under a name, in place of the one that had it, and runs it once.
   *
   * @param {string} name
   * @param {ArrayBuffer | Uint8Array} content
   * @param {{accelerator?: Accelerator}} [options]
   * @returns {Promise<LoadReceipt>}
   */
  async load(name, content, { accelerator = 'wasm' } = {}) {
    const bytes = content instanceof Uint8Array ? content : new Uint8Array(content);
    this.#sources.delete(name);
    const { connection } = await this.#ready();
    const receipt = await connection.request('load', { name, bytes, accelerator });
    this.#sources.set(name, { bytes, accelerator });
    return receipt;
  }

  /**
   * @param {string} name
   * @param {TensorData} input values of the input tensor
   * @returns {Promise<OutputData>}
   */
  async run(name, input) {
    return (await this.#ready()).connection.request('run', { name, input });
  }

  /**
   * Times inferences on the input of the last run: from its values to those of the outputs.
   *
   * @param {string} name
   * @param {MeasureOptions} options
   * @param {(progress: MeasureProgress) => void} [onProgress]
   * @param {AbortSignal} [signal] cancels it
   * @returns {Promise<Float64Array>} milliseconds of each
   */
  async measure(name, options, onProgress, signal) {
    const { connection } = await this.#ready();
    const { warmup = WARMUP, runs = null, seconds = null } = options;
    const request = { name, warmup, runs, seconds };
    return connection.request('measure', request, { onProgress, signal });
  }

  /** @param {string} name */
  async unload(name) {
    this.#sources.delete(name);
    await (await this.#ready()).connection.request('unload', { name });
  }

  /** Ends the worker. */
  async close() {
    this.#isClosed = true;
    const session = this.#session;
    this.#drop();
    const ended = new RunError('worker_died', 'The runner was closed');
    await session?.then(({ connection }) => connection.close(ended)).catch(() => {});
  }

  #ready() {
    if (this.#isClosed) {
      return Promise.reject(new RunError('worker_died', 'The runner was closed'));
    }
    if (this.#session === null) {
      const session = this.#begin();
      this.#session = session;
      // The next call tries again.
      session.catch(() => {
        if (this.#session === session) this.#drop();
      });
    }
    return this.#session;
  }

  async #begin() {
    const { createWorker, ...options } = this.#options;
    try {
      return await this.#beginWith(createWorker(), options);
    } catch (error) {
      const mayBeThreads = (options.build ?? 'auto') === 'auto' && (options.threads ?? 1) > 1;
      if (!mayBeThreads) throw error;
      // Threads need much memory at once, which phones may refuse.
      this.#worker?.terminate();
      return this.#beginWith(createWorker(), { ...options, threads: 1 });
    }
  }

  /**
   * @param {WorkerLike} worker
   * @param {StartOptions} options
   */
  async #beginWith(worker, options) {
    this.#worker = worker;
    /** @param {RunError} error */
    const lost = (error) => {
      connection.close(error);
      if (this.#worker === worker) this.#drop();
    };
    const connection = new Connection(worker, lost);
    worker.addEventListener('error', (/** @type {{message?: string}} */ event) => {
      lost(new RunError('worker_died', `The worker ended: ${event.message ?? 'no reason given'}`));
    });
    const onProgress = this.#onProgress;
    const receipt = await connection.request('start', options, { onProgress });
    await this.#restore(connection);
    return { connection, receipt };
  }

  /**
   * Loads the files of a worker that was lost.
   *
   * @param {Connection} connection
   */
  async #restore(connection) {
    for (const [name, source] of this.#sources) {
      try {
        await connection.request('load', { name, ...source });
      } catch {
        // Whoever runs it is told.
        this.#sources.delete(name);
      }
    }
  }

  #drop() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#session = null;
  }
}
