// Serves a folder: node serve.mjs [--port 8080] [--path /repo/] [--isolate] [--folder dist]
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.tflite': 'application/octet-stream',
};
// What a page needs to use several threads.
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
export const DIST = fileURLToPath(new URL('dist', import.meta.url));

/**
 * Serves on this computer only, until the process ends.
 *
 * @param {object} [options]
 * @param {number} [options.port] 0, the default, takes a free one
 * @param {string} [options.path] where the folder appears, with a slash at both ends
 * @param {boolean} [options.isolate] whether pages may use several threads
 * @param {Record<string, string>} [options.folders] further paths -> folders
 * @param {string} [options.folder]
 * @returns {Promise<{url: string, close: () => void}>}
 */
export async function serve({
  port = 0,
  path = '/',
  isolate = false,
  folder = DIST,
  folders = {},
} = {}) {
  const all = Object.entries({ ...folders, [path]: folder });
  const server = createServer((request, response) => {
    const wanted = decodeURIComponent((request.url ?? '/').split('?')[0]);
    const found = all.find(([prefix]) => wanted.startsWith(prefix));
    const file = found && inside(found[1], wanted.slice(found[0].length) || 'index.html');
    const size = file && statSync(file, { throwIfNoEntry: false });
    if (!file || !size || !size.isFile()) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Not found');
      return;
    }
    response.writeHead(200, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      'Content-Length': size.size,
      'Cache-Control': 'no-cache',
      ...(isolate ? ISOLATION : {}),
    });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}${path}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * @param {string} folder
 * @param {string} name
 * @returns {string | null} null if it is outside of the folder
 */
function inside(folder, name) {
  const path = normalize(join(folder, name));
  return path.startsWith(join(folder, sep)) ? path : null;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8080' },
      path: { type: 'string', default: '/' },
      folder: { type: 'string', default: DIST },
      isolate: { type: 'boolean', default: false },
    },
  });
  const { url } = await serve({ ...values, port: Number(values.port) });
  console.log(`Serving ${url}`);
}
