import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes } from '../node/golden.mjs';
import { openPage, ready, texts } from './open_page.mjs';
/** @import { Page } from 'playwright-core' */

/**
 * @param {Page} page
 * @param {string} name
 * @param {Uint8Array} content
 */
async function drop(page, name, content) {
  await page.evaluate(
    ([fileName, numbers]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(numbers)], fileName));
      dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
    },
    /** @type {[string, number[]]} */ ([name, [...content]]),
  );
}

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
    await drop(page, path.split('/').at(-1) ?? '', bytes(path));
    assert.match(await error(page), expected, path);
    assert.equal(await page.locator('#results .card').count(), 2);
    await page.locator('#errors button').click();
  }
  await drop(page, 'notes.txt', new Uint8Array([1, 2, 3]));
  assert.match(await error(page), /cannot be read as a picture/);
  await page.locator('[data-sample=horse]').click();
  await page.locator('#comparison[data-same=false]').waitFor();
  assert.equal(await page.locator('#errors .error').count(), 0);
  assert.deepEqual(errors, []);
});

test('models of the address', async () => {
  const missing = await openPage({ query: '?model=models/missing.tflite' });
  assert.match(await error(missing.page), /missing.tflite cannot be used[\s\S]*404/);
  const other = await openPage({ query: '?model=https://example.org/other.tflite' });
  assert.match(await error(other.page), /Expected a file of this site/);
  assert.ok(other.requests.every((url) => url.startsWith(other.url)));
  const own = await openPage({ query: '?model=models/mobilevit_xxs_cifar10_int8.tflite' });
  await ready(own.page);
  assert.deepEqual(await texts(own.page, '#results .title'), ['int8']);
});

/**
 * Puts code in front of the worker's.
 *
 * @param {string} code
 */
const inWorker = (code) => (/** @type {Page} */ page) =>
  page.route('**/worker.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: code + (await response.text()) });
  });

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
    const { page } = await openPage({
      prepare: async (it) => {
        await prepare(it);
      },
    });
    assert.match(await error(page), expected);
    assert.equal(await page.locator('#status').getAttribute('data-state'), 'failed');
  });
}

test('a camera that is not allowed, and one that is', async () => {
  const denied = await openPage();
  await ready(denied.page);
  await denied.page.locator('#camera').click();
  assert.match(await error(denied.page), /Allow this page to use the camera/);
  const { page } = await openPage({ context: { permissions: ['camera'] } });
  await ready(page);
  await page.locator('#camera').click();
  await page.locator('#stage video').waitFor();
  await page.locator('#camera').click();
  await page.locator('#caption', { hasText: 'Picture of the camera' }).waitFor();
});

test('a GPU that is missing is told', async () => {
  const { page } = await openPage();
  await ready(page);
  await page.locator('#gpu').click();
  assert.match(await error(page), /GPU/);
});
