import { serve } from '../../src/runtime/protocol.js';
/** @import { Methods } from '../../src/runtime/protocol.js' */
/** @import { WorkerLike } from '../../src/runtime/client.js' */

/**
 * A worker in the same thread, with methods of a test.
 *
 * @implements {WorkerLike}
 */
export class FakeWorker {
  /** @type {((event: any) => void)[]} */
  #inside = [];
  /** @type {Map<string, ((event: any) => void)[]>} */
  #outside = new Map();
  isDead = false;
  isTerminated = false;

  /** @param {(worker: FakeWorker) => Methods} methods */
  constructor(methods) {
    serve(
      {
        postMessage: (data) => this.emit('message', { data }),
        addEventListener: (_, listener) => this.#inside.push(listener),
      },
      methods(this),
      () => this.isDead,
    );
  }

  /** @param {unknown} message */
  postMessage(message) {
    const data = structuredClone(message);
    queueMicrotask(() => {
      if (!this.isTerminated) this.#inside.forEach((listener) => listener({ data }));
    });
  }

  /**
   * @param {string} type
   * @param {(event: any) => void} listener
   */
  addEventListener(type, listener) {
    this.#outside.set(type, [...(this.#outside.get(type) ?? []), listener]);
  }

  terminate() {
    this.isTerminated = true;
  }

  /**
   * @param {string} type
   * @param {unknown} event
   */
  emit(type, event) {
    const copy = structuredClone(event);
    queueMicrotask(() => {
      if (!this.isTerminated) this.#outside.get(type)?.forEach((listener) => listener(copy));
    });
  }
}
