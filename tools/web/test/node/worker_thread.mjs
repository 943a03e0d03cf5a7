// What LiteRT.js needs of a browser's worker, in a thread of node; and then the page's worker.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';

const folder = /** @type {string} */ (workerData);

Object.assign(globalThis, {
  self: globalThis,
  navigator: {},
  require: createRequire(import.meta.url),
  __dirname: folder,
  __filename: join(folder, 'worker.js'),
  /** @param {string} url */
  importScripts(url) {
    const path = join(folder, basename(url));
    runInThisContext(`${readFileSync(path, 'utf8')}\nself.ModuleFactory = ModuleFactory;`);
  },
});

// Where LiteRT.js's log goes.
console.debug = () => {};

const { serveEngine } = await import('../../src/runtime/worker_methods.js');
const port = /** @type {NonNullable<typeof parentPort>} */ (parentPort);
serveEngine({
  postMessage: (message) => port.postMessage(message),
  addEventListener: (type, listener) => port.on(type, (data) => listener({ data })),
});
