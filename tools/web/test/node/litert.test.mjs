import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { encodeInput } from '../../src/core/input_encoder.js';
import { readModelFile } from '../../src/core/model_file.js';
import { decodeOutputs } from '../../src/core/output_decoder.js';
import { softmaxInput, sqnrDb } from '../../src/core/output_record.js';
import { fit } from '../../src/core/preprocessing.js';
import { checkSelfTest, selfTestInput } from '../../src/core/self_test.js';
import { plain } from '../../src/core/strict_json.js';
import { bytesOf } from '../../src/core/tensor_data.js';
import { BUILDS, LITERT_VERSION } from '../../src/runtime/builds.js';
import { Runner } from '../../src/runtime/client.js';
import { bundledModel, GoldenModel } from './golden.mjs';
import { NodeWorker, serveWasm, WASM_FOLDER } from './node_worker.mjs';

// Float kernels round as they like.
const LEAST_FLOAT_DB = 100;

/** @type {Runner} */
let runner;
/** @type {import('../../src/runtime/litert.js').Receipt} */
let receipt;
/** @type {import('../../src/runtime/download.js').LoadProgress[]} */
const progress = [];

before(async () => {
  runner = new Runner({
    createWorker: () => new NodeWorker(),
    wasmFolder: await serveWasm(),
    // The one that node runs.
    build: 'plain',
  });
  receipt = await runner.start((it) => progress.push(it));
});

after(() => runner.close());

test('the receipt says what runs', () => {
  const { build, simd, threads, crossOriginIsolated, versions, wasmBytes } = receipt;
  assert.deepEqual(
    { build, simd, threads, crossOriginIsolated, versions },
    {
      build: 'plain',
      simd: 'plain',
      threads: 1,
      crossOriginIsolated: false,
      versions: { litert: LITERT_VERSION },
    },
  );
  assert.ok(receipt.startMs > 0);
  assert.deepEqual(progress.at(-1), { loadedBytes: wasmBytes, totalBytes: wasmBytes });
});

test('what is said of the builds is true of those that are installed', () => {
  const description = readFileSync(new URL('../package.json', WASM_FOLDER), 'utf8');
  assert.equal(JSON.parse(description).version, LITERT_VERSION);
  for (const { name, wasmBytes } of Object.values(BUILDS)) {
    assert.equal(statSync(new URL(`${name}.wasm`, WASM_FOLDER)).size, wasmBytes, name);
    assert.ok(statSync(new URL(`${name}.js`, WASM_FOLDER)).size > 0);
  }
});

for (const name of [
  'classifier_int8',
  'classifier_float32',
  'raw_int8',
  'nms_float32',
  'logits_int8',
  'logits_float32',
  'mask_int8',
  'v1_classifier_float32',
  'v1_classifier_int8',
  'v1_detector_nms_float32',
  'v1_detector_raw_int8',
  'v1_segmenter_logits_int8',
  'v1_segmenter_mask_float32',
]) {
  test(`${name} answers as in Python`, async () => {
    const golden = new GoldenModel(name);
    const { info, input, outputs, height, width } = await golden.read();
    const { accelerator, loadMs, firstRunMs } = await runner.load(name, golden.content);
    assert.equal(accelerator, 'wasm');
    assert.ok(loadMs > 0 && firstRunMs > 0);

    const fitted = fit(golden.picture, height, width, info.image);
    const actual = await runner.run(name, encodeInput(fitted, info.image, input));
    const expected = golden.outputs('picture');
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
    for (const [output, values] of Object.entries(expected)) {
      assert.equal(actual[output].constructor, values.constructor);
      // What the softmax of the old file was given is not recorded.
      if (name.includes('int8') && name !== 'v1_classifier_int8') {
        assert.deepEqual(integers(info, output, actual), integers(info, output, expected));
      } else {
        assertNear(actual[output], values);
      }
    }
    assert.equal(
      summary(decodeOutputs(info, outputs, actual)),
      summary(decodeOutputs(info, outputs, expected)),
    );
    await runner.unload(name);
  });
}

test('an altered weight fails the self-test', async () => {
  const golden = new GoldenModel('altered');
  const { info, input, outputs } = await golden.read();
  await runner.load('altered', golden.content);
  const actual = await runner.run('altered', selfTestInput(info.image, input));
  const result = checkSelfTest(info, outputs, actual);
  assert.equal(result?.verdict, 'different');
  assert.equal(result.passed, false);
});

for (const recipe of /** @type {const} */ (['int8', 'float32'])) {
  test(`the bundled ${recipe} file passes its self-test`, async () => {
    const content = bundledModel(recipe);
    const { info, input, outputs } = await readModelFile(content);
    const { fullyAccelerated } = await runner.load(recipe, content);
    assert.equal(fullyAccelerated, true);
    const actual = await runner.run(recipe, selfTestInput(info.image, input));
    const result = checkSelfTest(info, outputs, actual);
    assert.equal(result?.passed, true);
    if (recipe === 'int8') assert.equal(result.verdict, 'identical');
    else assert.ok(result.verdict === 'identical' || result.sqnrDb >= LEAST_FLOAT_DB);
  });
}

test('measurements have as many samples as wanted', async () => {
  await runner.load('int8', bundledModel('int8'));
  const ms = await runner.measure('int8', { runs: 20 });
  assert.equal(ms.length, 20);
  assert.ok(ms.every((it) => it > 0 && it < 10_000));
  /** @type {{done: number, share: number}[]} */
  const progress = [];
  const begun = performance.now();
  const timed = await runner.measure('int8', { seconds: 1 }, (it) => progress.push(it));
  assert.ok(performance.now() - begun >= 1000);
  assert.ok(progress.length >= 2 && timed.length > progress[0].done);
  assert.ok(progress.every(({ share }) => share > 0 && share < 1));
});

test('a measurement can be cancelled', async () => {
  const controller = new AbortController();
  const measured = runner.measure(
    'int8',
    { seconds: 60 },
    () => controller.abort(),
    controller.signal,
  );
  await assert.rejects(measured, { kind: 'cancelled' });
  assert.equal((await runner.measure('int8', { runs: 1 })).length, 1);
});

test('files that fail leave the others usable', async () => {
  const full = new GoldenModel('tiny_int8_full').content;
  await assert.rejects(runner.load('full', full), { kind: 'int8_input', advice: /recipe 'int8'/ });
  const dynamic = new GoldenModel('dynamic').content;
  await assert.rejects(runner.load('dynamic', dynamic), { kind: 'dynamic_batch' });
  const text = new TextEncoder().encode('This is no model. '.repeat(100));
  await assert.rejects(runner.load('text', text), { kind: 'runtime' });
  await assert.rejects(runner.run('text', new Float32Array(1)), { kind: 'runtime' });
  await assert.rejects(runner.run('int8', new Float32Array(1)), { kind: 'runtime' });
  await assert.rejects(runner.load('gpu', bundledModel('float32'), { accelerator: 'webgpu' }), {
    kind: 'no_webgpu',
  });
  assert.equal((await runner.measure('int8', { runs: 1 })).length, 1);
});

test('a missing runtime is told', async () => {
  const wasmFolder = (await serveWasm()).replace('/wasm/', '/missing/');
  const other = new Runner({ createWorker: () => new NodeWorker(), wasmFolder, build: 'plain' });
  await assert.rejects(other.start(), { kind: 'http_404' });
  await other.close();
});

/**
 * The bytes of an output. A softmax in float rounds differently on each processor: of one, the
 * int8 logits that it was given.
 *
 * @param {import('../../src/core/model_info.js').ModelInfo} info
 * @param {string} output
 * @param {import('../../src/core/output_decoder.js').OutputValues} values
 */
function integers(info, output, values) {
  const record = plain(info.selfTest).outputs?.[output];
  if (record?.covers !== 'softmax_input') return Buffer.from(bytesOf(values[output]));
  return softmaxInput(values[output], record.shape, Math.fround(record.scale));
}

/**
 * @param {import('../../src/core/tensor_data.js').TensorData} actual
 * @param {import('../../src/core/tensor_data.js').TensorData} expected
 */
function assertNear(actual, expected) {
  const sqnr = sqnrDb(Float64Array.from(expected, Number), Float64Array.from(actual, Number));
  assert.ok(sqnr >= LEAST_FLOAT_DB, `${sqnr} dB`);
}

/** @param {import('../../src/core/prediction.js').Prediction} prediction */
function summary(prediction) {
  switch (prediction.type) {
    case 'classes':
    case 'labels':
      return prediction.ranked.map(({ label }) => label).join();
    case 'boxes':
      return prediction.boxes.map(({ found }) => found.label).join();
    case 'mask':
      return prediction.classes.join();
    case 'values':
      return prediction.values.map(({ label }) => label).join();
  }
}
