import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes } from '../node/golden.mjs';
import { drag, drop } from './drag.mjs';
import { answersAfter, openPage, ready, texts } from './open_page.mjs';

test('files are dropped: a picture, a model, both', async () => {
  const { page, errors } = await openPage();
  await ready(page);
  const names = async (/** @type {string[]} */ ...paths) =>
    (await answersAfter(page, () => drop(page, ...paths))).map(({ name }) => name);

  assert.equal((await names('picture_files/rgb.png')).length, 2);
  assert.equal(await page.locator('#caption').innerText(), 'rgb.png, 75 × 53 pixels.');
  assert.equal(await page.locator('[data-sample][aria-pressed=true]').count(), 0);
  // In place of those of the page; the next one beside it.
  assert.deepEqual(await names('models/classifier_int8.tflite'), ['classifier_int8.tflite']);
  await page.locator('#models .title').nth(0).waitFor();
  await page.locator('#reset-models').waitFor();
  assert.deepEqual(await names('models/classifier_float32.tflite'), [
    'classifier_int8.tflite',
    'classifier_float32.tflite',
  ]);
  await drop(page, 'models/altered.tflite', 'picture_files/420_17x9_q60.jpg');
  await page.locator('.test[data-verdict=different]').waitFor();
  assert.match(await page.locator('#caption').innerText(), /17 × 9 pixels/);

  await page.locator('#reset-models').click();
  await page.locator('#models a').nth(1).waitFor();
  assert.deepEqual(await texts(page, '#results .title'), ['float32', 'int8']);
  assert.deepEqual(errors, []);
});

test('where files may be dropped is shown while they are dragged', async () => {
  const { page } = await openPage();
  const target = page.locator('.drop');
  assert.equal(await target.isVisible(), false);
  const release = await drag(page, 'picture_files/rgb.png');
  await target.waitFor();
  await release();
  assert.equal(await target.isVisible(), false);
  // Away again, which not every browser tells.
  await drag(page, 'picture_files/rgb.png');
  await target.waitFor();
  await target.waitFor({ state: 'hidden' });
});

test('a picture is pasted', async () => {
  const permissions = ['clipboard-read', 'clipboard-write'];
  const { page } = await openPage({ context: { permissions } });
  await ready(page);
  await page.evaluate(
    async (numbers) => {
      const blob = new Blob([new Uint8Array(numbers)], { type: 'image/png' });
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
    },
    [...bytes('picture_files/rgb.png')],
  );
  await answersAfter(page, () => page.keyboard.press('ControlOrMeta+V'));
  assert.match(await page.locator('#caption').innerText(), /75 × 53 pixels/);
});

test('pictures stand upright', async () => {
  const { page } = await openPage();
  await ready(page);
  const file = {
    name: 'turned.jpg',
    mimeType: 'image/jpeg',
    buffer: Buffer.from(bytes('picture_files/orientation_6.jpg')),
  };
  await answersAfter(page, () => page.setInputFiles('#picture-file', file));
  assert.equal(await page.locator('#caption').innerText(), 'turned.jpg, 53 × 75 pixels.');
});

test('a camera that is not allowed, and one that is', async () => {
  const denied = await openPage({
    prepare: (it) =>
      it.addInitScript(() => {
        const { mediaDevices } = navigator;
        const getUserMedia = mediaDevices.getUserMedia.bind(mediaDevices);
        Object.assign(window, { asked: 0 });
        mediaDevices.getUserMedia = (constraints) => {
          /** @type {any} */ (window).asked++;
          return getUserMedia(constraints);
        };
      }),
  });
  const asked = () => denied.page.evaluate(() => /** @type {any} */ (window).asked);
  await ready(denied.page);
  assert.equal(await asked(), 0);
  await denied.page.locator('#camera').click();
  const told = denied.page.locator('#errors .error', { hasText: 'Allow this page to use the' });
  await told.waitFor();
  assert.equal(await asked(), 1);

  const { page } = await openPage({ context: { permissions: ['camera'] } });
  await ready(page);
  await page.locator('#camera').click();
  await page.locator('#stage video').waitFor();
  await page.locator('#close-camera').click();
  await page.locator('#caption', { hasText: 'Chelsea' }).waitFor();
  await page.locator('#camera').click();
  await page.locator('#stage video').waitFor();
  await answersAfter(page, () => page.locator('#camera').click());
  assert.match(await page.locator('#caption').innerText(), /^Picture of the camera, \d+ × \d+/);
});

test('the address shows the same again', async () => {
  const model = 'models/mobilevit_xxs_cifar10_int8.tflite';
  const first = await openPage({ query: `?model=${model}` });
  await ready(first.page);
  await answersAfter(first.page, () => first.page.locator('[data-sample=horse]').click());
  const link = first.page.url();
  assert.equal(link, `${first.url}?model=${model}&sample=horse`);
  await first.page.goto(link);
  await ready(first.page);
  assert.deepEqual(await texts(first.page, '#results .title'), ['int8']);
  assert.match(await first.page.locator('#caption').innerText(), /silhouette of a horse/);
  // Files of this device are in no address.
  await answersAfter(first.page, () => drop(first.page, 'models/classifier_float32.tflite'));
  await first.page.waitForURL(`${first.url}?sample=horse`);
});
