import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drop } from './drag.mjs';
import { answersAfter, launch, openPage, ready, texts } from './open_page.mjs';

test('float files run on a GPU, too, where there is one', async () => {
  // A GPU made of software: it computes what another would, but slowly.
  const browser = await launch({
    args: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
    withoutArgs: ['--disable-gpu'],
  });
  const { page, errors } = await openPage({ browser });
  await ready(page);
  assert.match(await page.locator('#speed .facts').innerText(), /GPU\s+google swiftshader/);
  await page.locator('#gpu').click();
  // It is measured at once, which takes long here.
  await page.locator('#cancel').click();
  await page.locator('#measure').waitFor();
  const lines = await texts(page, '#speed tr');
  assert.match(lines[0], /float32\s+int8\s+float32 on the GPU/);
  assert.match(lines.at(-2) ?? '', /CPU, wasm\s+CPU, wasm\s+GPU, WebGPU/);
  assert.match(lines.at(-1) ?? '', /(\s+fully){3}/);
  // To the verdict, it computes what Python computed.
  const verdicts = await texts(page, '.test .badge');
  assert.equal(verdicts.length, 3);
  assert.notEqual(verdicts[2], 'Different');
  assert.equal(await page.locator('#gpu').count(), 0);
  assert.equal(await page.locator('#errors .error').count(), 0);

  // None for int8 files alone.
  await answersAfter(page, () => drop(page, 'models/classifier_int8.tflite'));
  await page.locator('#models .card').nth(1).waitFor({ state: 'detached' });
  await ready(page);
  assert.equal(await page.locator('#gpu').count(), 0);
  assert.deepEqual(errors, []);
});

test('a GPU that fails is told, and the CPU goes on', async () => {
  const { page } = await openPage({
    // An adapter that gives no device.
    prepare: (it) =>
      it.route('**/worker.js', async (route) => {
        const response = await route.fetch();
        const adapter = '{ info: { vendor: "broken" }, requestDevice: async () => null }';
        const fake = `GPU.prototype.requestAdapter = async () => (${adapter});`;
        await route.fulfill({ response, body: fake + (await response.text()) });
      }),
  });
  await ready(page);
  await page.locator('#gpu').click();
  const told = page.locator('#errors .error');
  await told.waitFor();
  assert.match(await told.innerText(), /^float32 on the GPU cannot be used[\s\S]*on the CPU/);
  await answersAfter(page, () => page.locator('[data-sample=horse]').click());
  assert.equal((await texts(page, '#speed thead th')).length, 2);
});
