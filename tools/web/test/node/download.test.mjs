import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { download } from '../../src/runtime/download.js';
/** @import { AddressInfo } from 'node:net' */

const CONTENT = Buffer.alloc(300_000, 'keras_mobilevit');
/** @type {string} */
let address;

const server = createServer((request, response) => {
  switch (request.url) {
    case '/plain':
      return response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
    case '/packed':
      return response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(CONTENT));
    case '/broken':
      return response.writeHead(500).end();
    case '/slow':
      return response.writeHead(200).write('x');
    default:
      return response.writeHead(404).end();
  }
});

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  address = `http://127.0.0.1:${/** @type {AddressInfo} */ (server.address()).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

test('files arrive with their progress', async () => {
  /** @type {import('../../src/runtime/download.js').LoadProgress[]} */
  const progress = [];
  const bytes = await download(`${address}/plain`, { onProgress: (it) => progress.push(it) });
  assert.deepEqual(Buffer.from(bytes), CONTENT);
  assert.deepEqual(progress.at(-1), { loadedBytes: 300_000, totalBytes: 300_000 });
});

test('of compressed files the size is what the caller knows', async () => {
  for (const totalBytes of [null, 300_000]) {
    /** @type {(number | null)[]} */
    const totals = [];
    const bytes = await download(`${address}/packed`, {
      totalBytes,
      onProgress: (it) => totals.push(it.totalBytes),
    });
    assert.deepEqual(Buffer.from(bytes), CONTENT);
    assert.deepEqual(new Set(totals), new Set([totalBytes]));
  }
});

test('failures are told apart', async () => {
  await assert.rejects(download(`${address}/missing`), { kind: 'http_404', message: /404/ });
  await assert.rejects(download(`${address}/broken`), { kind: 'network', message: /500/ });
  await assert.rejects(download('http://127.0.0.1:1/'), { kind: 'network' });
  const signal = AbortSignal.timeout(50);
  await assert.rejects(download(`${address}/slow`, { signal }), { kind: 'cancelled' });
});
