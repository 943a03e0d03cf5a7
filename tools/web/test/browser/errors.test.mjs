import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drop } from './drag.mjs';
import { answersAfter, openPage, ready, texts } from './open_page.mjs';
/** @import { Page } from 'playwright-core' */

/** @param {Page} page */
async function error(page) {
  await page.locator('#errors .error').first().waitFor();
  return (await texts(page, '#errors .error'))[0];
}

const REFUSED = /** @type {const} */ ([
  ['models/refused/text.tflite', /cannot be used/],
  ['models/refused/foreign.tflite', /Export the model with keras_mobilevit/],
  ['models/refused/cut.tflite', /cannot be used/],
  ['models/tiny_int8_full.tflite', /recipe.*int8/s],
]);

test('files that cannot be used leave the others usable', async () => {
  const { page, errors } = await openPage();
  await ready(page);
  for (const [path, expected] of REFUSED) {
    await drop(page, path);
    assert.match(await error(page), expected, path);
    assert.equal(await page.locator('#results .card').count(), 2);
    await page.locator('#errors button').click();
  }
  await drop(page, 'statistics.json');
  assert.match(await error(page), /cannot be read as a picture/);
  await page.locator('[data-sample=horse]').click();
  await page.locator('#comparison[data-same=false]').waitFor();
  assert.equal(await page.locator('#errors .error').count(), 0);
  assert.deepEqual(errors, []);
});

test('addresses of no model', async () => {
  const missing = await openPage({ query: '?model=models/missing.tflite' });
  assert.match(await error(missing.page), /missing.tflite cannot be used[\s\S]*404/);
  const other = await openPage({ query: '?model=https://example.org/other.tflite' });
  assert.match(await error(other.page), /Expected a file of this site/);
  assert.ok(other.requests.every((url) => url.startsWith(other.url)));
  const broken = await openPage({ query: '?model=https://[/a.tflite' });
  assert.match(await error(broken.page), /a.tflite cannot be used[\s\S]*Correct \?model=/);
  await broken.page.locator('#comparison', { hasText: 'No model is open.' }).waitFor();
  await answersAfter(broken.page, () => broken.page.locator('#reset-models').click());
});

/**
 * Puts code in front of the worker's.
 *
 * @param {string} code
 * @param {{times?: number}} [options] how many workers get it
 */
const inWorker =
  (code, { times = Infinity } = {}) =>
  (/** @type {Page} */ page) =>
    page.route(
      '**/worker.js',
      async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, body: code + (await response.text()) });
      },
      { times },
    );

const BROKEN = /** @type {const} */ ([
  ['no WebAssembly', inWorker('self.WebAssembly = undefined;'), /Use a browser from 2023/],
  [
    'no memory',
    inWorker(
      'WebAssembly.instantiate = async () => { throw new RangeError("Out of memory"); };' +
        'WebAssembly.Memory = function () { throw new RangeError("could not allocate memory"); };',
    ),
    /Close other tabs/,
  ],
  [
    'a missing runtime',
    (/** @type {Page} */ page) =>
      page.route('**/*.wasm', (route) => route.fulfill({ status: 404 })),
    /all files of the page are on the server/,
  ],
  [
    'no connection',
    (/** @type {Page} */ page) => page.route('**/*.wasm', (route) => route.abort()),
    /Check the connection/,
  ],
]);

for (const [name, prepare, expected] of BROKEN) {
  test(`${name} is told`, async () => {
    const { page } = await openPage({ prepare });
    assert.match(await error(page), expected);
    assert.equal(await page.locator('#status').getAttribute('data-state'), 'failed');
  });
}

test('a worker that ends is told, and another one goes on', async () => {
  const crash =
    'self.addEventListener("message", ({ data }) => {' +
    'if (data.method === "run") throw new Error("crash"); });';
  // The next worker is as it should be.
  const { page } = await openPage({ prepare: inWorker(crash, { times: 1 }) });
  assert.match(await error(page), /^The computation ended unexpectedly[\s\S]*crash/);
  await page.locator('#comparison', { hasText: 'Not every file gave an answer.' }).waitFor();
  assert.equal(await page.locator('#errors .error').count(), 1);
  await answersAfter(page, () => page.getByRole('button', { name: 'Try again' }).click());
  await page.locator('#comparison[data-same=true]').waitFor();
  await page.locator('.test').nth(1).waitFor();
  assert.equal(await page.locator('#status').getAttribute('data-state'), 'ready');
  assert.equal(await page.locator('#errors .error').count(), 0);
});

test('a runtime that could not be loaded can be tried again', async () => {
  const { page } = await openPage({
    prepare: (it) => it.route('**/*.wasm', (route) => route.abort(), { times: 1 }),
  });
  assert.match(await error(page), /Check the connection/);
  await page.getByRole('button', { name: 'Try again' }).click();
  await ready(page);
});

test('without its samples, the page takes other pictures', async () => {
  const { page } = await openPage({
    prepare: (it) => it.route('**/samples/*', (route) => route.fulfill({ status: 404 })),
  });
  assert.match(await error(page), /all files of the page are on the server/);
  await page.locator('#comparison', { hasText: 'Choose one' }).waitFor();
  await answersAfter(page, () => drop(page, 'picture_files/rgb.png'));
  assert.equal(await page.locator('#results .card').count(), 2);
});

test('without JavaScript, the page says so', async () => {
  const { page } = await openPage({ context: { javaScriptEnabled: false } });
  await page.locator('noscript p').waitFor();
  assert.equal(await page.getByRole('heading', { level: 2 }).count(), 0);
});
