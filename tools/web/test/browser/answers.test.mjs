import assert from 'node:assert/strict';
import { test } from 'node:test';
import { softmaxInput, sqnrDb } from '../../src/core/output_record.js';
import { plain } from '../../src/core/strict_json.js';
import { GoldenModel } from '../node/golden.mjs';
import { answersAfter, openPage, ready, texts } from './open_page.mjs';
import { png } from './png.mjs';
/** @import { Page } from 'playwright-core' */

const LEAST_FLOAT_DB = 100;
// Relaxed SIMD may round otherwise on each processor.
const LEAST_RELAXED_DB = 20;
const FILES = [
  'classifier_float32',
  'classifier_int8',
  'raw_int8',
  'nms_float32',
  'logits_int8',
  'logits_float32',
  'mask_int8',
  'v1_classifier_float32',
  'v1_detector_nms_float32',
  'v1_segmenter_mask_float32',
];

/**
 * @param {Page} page
 * @param {GoldenModel} golden
 */
async function answersTo(page, golden) {
  const picture = { name: 'golden.png', mimeType: 'image/png', buffer: png(golden.picture) };
  await answersAfter(page, () => page.setInputFiles('#picture-file', picture));
  const file = {
    name: `${golden.name}.tflite`,
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(golden.content),
  };
  const answers = await answersAfter(page, () =>
    page.setInputFiles('#models input[type=file]', file),
  );
  return /** @type {Record<string, number[]>} */ (answers.at(-1)?.outputs);
}

for (const build of ['plain', 'relaxed']) {
  test(`${build} SIMD: files of every task answer as in Python`, async (context) => {
    const { page, errors } = await openPage({ query: `?build=${build}` });
    await ready(page);
    for (const name of FILES) {
      const golden = new GoldenModel(name);
      const { info } = await golden.read();
      const actual = await answersTo(page, golden);
      for (const [output, values] of Object.entries(golden.outputs('picture'))) {
        const expected = Array.from(values, Number);
        const db = sqnrDb(Float64Array.from(expected), Float64Array.from(actual[output]));
        const record = plain(info.selfTest).outputs?.[output];
        context.diagnostic(`${build} ${name} ${output}: ${db.toFixed(1)} dB`);
        if (build === 'relaxed') assert.ok(db >= LEAST_RELAXED_DB, `${name} ${output}: ${db} dB`);
        else if (!name.includes('int8'))
          assert.ok(db >= LEAST_FLOAT_DB, `${name} ${output}: ${db}`);
        else if (record?.covers === 'softmax_input') {
          // A softmax in float rounds as it likes: the logits that it was given.
          const scale = Math.fround(record.scale);
          assert.deepEqual(
            softmaxInput(Float32Array.from(actual[output]), record.shape, scale),
            softmaxInput(Float32Array.from(expected), record.shape, scale),
          );
        } else assert.deepEqual(actual[output], expected, `${name} ${output}`);
      }
    }
    assert.deepEqual(errors, []);
  });
}

test('classes, boxes and masks are shown as Python gives them', async () => {
  const { page } = await openPage({ query: '?build=plain' });
  await ready(page);
  const card = '#results .card:last-child';

  const classifier = new GoldenModel('classifier_int8');
  await answersTo(page, classifier);
  const top = classifier.facts.prediction.slice(0, 5);
  const labels = top.map((/** @type {[string, number]} */ [label]) => label);
  assert.deepEqual(await texts(page, `${card} .label`), labels);
  const shares = top.map(
    (/** @type {[string, number]} */ [, score]) => `${(100 * score).toFixed(1)} %`,
  );
  assert.deepEqual(await texts(page, `${card} .score`), shares);

  const detector = new GoldenModel('nms_float32');
  await answersTo(page, detector);
  const found = detector.facts.prediction.slice(0, 5);
  assert.deepEqual(
    await texts(page, `${card} .label`),
    found.map((/** @type {{label: string}} */ { label }) => label),
  );
  assert.equal(await page.locator(`${card} canvas`).count(), 1);
  // Two files may number a label differently: its colour is the same.
  await answersTo(page, new GoldenModel('raw_int8'));
  const colors = await page.locator('#results .label').evaluateAll((labels) =>
    labels.map((it) => {
      const swatch = /** @type {HTMLElement} */ (it.querySelector('.swatch'));
      return `${it.textContent} ${swatch.style.background}`;
    }),
  );
  assert.deepEqual(new Set(colors.map((it) => it.split(' ')[0])).size, new Set(colors).size);

  await answersTo(page, new GoldenModel('logits_int8'));
  await answersTo(page, new GoldenModel('logits_float32'));
  assert.equal(await page.locator('#results canvas').count(), 2);
  assert.match(await page.locator('#comparison').innerText(), /of the pixels have the same class/);
});

test('the self-test says what this browser computes', async () => {
  const { page } = await openPage({ query: '?build=plain' });
  await ready(page);
  const [float32, int8] = await texts(page, '.test');
  assert.match(float32, /^(Identical|Within)/);
  assert.match(int8, /^Identical/);
  assert.match(int8, /exactly what Python computed/);
  await answersTo(page, new GoldenModel('altered'));
  await page.locator('.test[data-verdict=different]').waitFor();
  assert.match((await texts(page, '.test'))[0], /^Different/);
});
