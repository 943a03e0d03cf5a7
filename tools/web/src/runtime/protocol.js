import { asRunError, RunError } from './run_error.js';
/** @import { RunProblem } from './run_error.js' */

/**
 * @typedef {object} Request
 * @property {number} id
 * @property {string} method name of a method of the other side
 * @property {unknown} argument
 */

/** @typedef {{cancel: number}} Cancellation of the request with this id */

/**
 * @typedef {object} ErrorMessage
 * @property {RunProblem} kind
 * @property {string} message
 * @property {boolean} isFatal whether the other side can do nothing any more
 */

/**
 * @typedef {{id: number, value: unknown} | {id: number, error: ErrorMessage}
 *   | {id: number, progress: unknown}} Reply
 */

/**
 * One end of a connection: a worker, or the scope within it.
 *
 * @typedef {object} Port
 * @property {(message: any, transfer?: Transferable[]) => void} postMessage
 * @property {(type: 'message', listener: (event: {data: any}) => void) => void} addEventListener
 */

/**
 * What a method is given besides its argument.
 *
 * @typedef {object} Call
 * @property {(progress: unknown) => void} onProgress
 * @property {AbortSignal} signal
 */

/** @typedef {Record<string, (argument: any, call: Call) => Promise<unknown>>} Methods */

/**
 * Answers requests, one after the other: two at a time would spoil each other's times.
 *
 * @param {Port} port
 * @param {Methods} methods
 * @param {() => boolean} isDead whether nothing can be done any more
 */
export function serve(port, methods, isDead) {
  /** @type {Map<number, AbortController>} */
  const controllers = new Map();
  let last = Promise.resolve();

  /** @param {Request} request */
  async function answer({ id, method, argument }) {
    const signal = /** @type {AbortController} */ (controllers.get(id)).signal;
    try {
      if (signal.aborted) throw new RunError('cancelled', `${method} was cancelled`);
      const value = await methods[method](argument, {
        signal,
        onProgress: (progress) => port.postMessage({ id, progress }),
      });
      port.postMessage({ id, value });
    } catch (error) {
      const { kind, message } = asRunError(error);
      port.postMessage({ id, error: { kind, message, isFatal: isDead() } });
    } finally {
      controllers.delete(id);
    }
  }

  port.addEventListener('message', ({ data }) => {
    if ('cancel' in data) {
      controllers.get(data.cancel)?.abort();
    } else {
      controllers.set(data.id, new AbortController());
      last = last.then(() => answer(data));
    }
  });
}

/**
 * @typedef {object} Pending
 * @property {(value: any) => void} resolve
 * @property {(error: RunError) => void} reject
 * @property {((progress: any) => void) | undefined} onProgress
 */

/** The side that asks. */
export class Connection {
  #port;
  #onFatal;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  #nextId = 1;
  /** @type {RunError | null} */
  #end = null;

  /**
   * @param {Port} port
   * @param {(error: RunError) => void} onFatal called once, when the other side is lost
   */
  constructor(port, onFatal) {
    this.#port = port;
    this.#onFatal = onFatal;
    port.addEventListener('message', ({ data }) => this.#receive(data));
  }

  /**
   * @param {string} method
   * @param {unknown} argument
   * @param {object} [options]
   * @param {(progress: any) => void} [options.onProgress]
   * @param {AbortSignal} [options.signal]
   * @returns {Promise<any>}
   * @throws {RunError} that of the other side, or that of its end
   */
  request(method, argument, { onProgress, signal } = {}) {
    if (this.#end !== null) return Promise.reject(this.#end);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress });
      this.#port.postMessage({ id, method, argument });
      const cancel = () => this.#port.postMessage({ cancel: id });
      if (signal?.aborted) cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /**
   * Ends the connection: what is still asked for fails.
   *
   * @param {RunError} error
   */
  close(error) {
    if (this.#end !== null) return;
    this.#end = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** @param {Reply} reply */
  #receive(reply) {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if ('progress' in reply) {
      pending.onProgress?.(reply.progress);
      return;
    }
    this.#pending.delete(reply.id);
    if ('error' in reply) {
      const error = new RunError(reply.error.kind, reply.error.message);
      pending.reject(error);
      if (reply.error.isFatal) this.#onFatal(error);
    } else {
      pending.resolve(reply.value);
    }
  }
}
