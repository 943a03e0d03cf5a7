// The script of the worker. It must be bundled as a classic one: LiteRT.js needs importScripts.
import { serveEngine } from './worker_methods.js';

serveEngine(/** @type {any} */ (self));
