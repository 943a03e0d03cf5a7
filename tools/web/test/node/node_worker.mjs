import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
/** @import { AddressInfo } from 'node:net' */
/** @import { WorkerLike } from '../../src/runtime/client.js' */

/** Where npm has put LiteRT.js's wasm files. */
export const WASM_FOLDER = new URL('wasm/', import.meta.resolve('@litertjs/core/package.json'));

/**
 * The worker of the page, as a thread of node.
 *
 * @implements {WorkerLike}
 */
export class NodeWorker {
  #worker = new Worker(new URL('worker_thread.mjs', import.meta.url), {
    workerData: fileURLToPath(WASM_FOLDER),
  });

  /** @param {unknown} message */
  postMessage(message) {
    this.#worker.postMessage(message);
  }

  /**
   * @param {'message' | 'error'} type
   * @param {(event: any) => void} listener
   */
  addEventListener(type, listener) {
    this.#worker.on(type, (value) => {
      listener(type === 'message' ? { data: value } : { message: value.message });
    });
  }

  terminate() {
    this.#worker.terminate();
  }
}

/**
 * Serves the wasm files as a page's host does, until the process ends.
 *
 * @returns {Promise<string>} the address of their folder
 */
export async function serveWasm() {
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    try {
      if (!path.startsWith('/wasm/')) throw new Error(`no ${path} here`);
      const content = readFileSync(new URL(basename(path), WASM_FOLDER));
      response.writeHead(200, { 'content-length': content.length }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  server.unref();
  const { port } = /** @type {AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}/wasm/`;
}
