import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { checkBrowserCanRun, mayRunOnGpu } from '../../src/core/browser_limits.js';
import { readModelFile } from '../../src/core/model_file.js';
import { bytes, GoldenModel, MODELS, names, tensorSpec } from './golden.mjs';
import { assertInfoEquals } from './info_assertions.mjs';

test('files are read as in Python', async () => {
  for (const name of MODELS) {
    const golden = new GoldenModel(name);
    const model = await golden.read();
    const { info, input, outputs, signature } = golden.facts;
    const size = input.shape.slice(1, 3);
    assertInfoEquals({ ...info, image: { ...info.image, size } }, model.info, {
      withRecipeFields: !name.startsWith('v1_'),
    });
    assert.equal(model.signature, signature);
    assert.deepEqual(model.input, tensorSpec(input, input.shape, model.input.name));
    assert.deepEqual(
      model.outputs,
      outputs.map((/** @type {any} */ facts) => tensorSpec(facts)),
    );
    assert.deepEqual([model.height, model.width, model.channels], input.shape.slice(1));
    assert.equal(model.sizeBytes, golden.content.length);
    assert.equal(model.isDynamic, false);
  }
});

test('refusals say what to do', async () => {
  /** @type {Record<string, [string, RegExp]>} */
  const expected = {
    empty: ['not_ours', /Choose a \.tflite file/],
    text: ['not_ours', /Choose a \.tflite file/],
    picture: ['not_ours', /Choose a \.tflite file/],
    no_graph: ['not_ours', /Choose a \.tflite file/],
    foreign: ['not_ours', /Export the model with keras_mobilevit/],
    cut: ['damaged', /Copy or export the file again/],
    cut_archive: ['not_ours', /its end is missing/],
    other_description: ['damaged', /Copy or export the file again/],
    newer: ['damaged', /may be damaged/],
  };
  const files = names('models/refused/');
  assert.deepEqual(
    files.map((file) => file.replace('.tflite', '')).sort(),
    Object.keys(expected).sort(),
  );
  for (const file of files) {
    const [kind, advice] = expected[file.replace('.tflite', '')];
    await assert.rejects(readModelFile(bytes(`models/refused/${file}`)), { kind, advice }, file);
  }
});

test('files that a browser cannot run are told', async () => {
  for (const name of MODELS) {
    const model = await new GoldenModel(name).read();
    const isInteger = [model.input, ...model.outputs].some(({ dtype }) =>
      ['int8', 'int16', 'int64', 'bool'].includes(dtype),
    );
    if (isInteger) {
      assert.throws(() => checkBrowserCanRun(model), { kind: 'int8_input' }, name);
    } else {
      checkBrowserCanRun(model);
    }
  }
  const full = await new GoldenModel('tiny_int8_full').read();
  assert.throws(() => checkBrowserCanRun(full), { kind: 'int8_input' });
  const dynamic = await new GoldenModel('dynamic').read();
  assert.throws(() => checkBrowserCanRun(dynamic), { kind: 'dynamic_batch' });
});

test('only files that compute in float may run on a GPU', async () => {
  const computesInFloat = MODELS.filter((name) => name.includes('float32'));
  for (const name of MODELS) {
    const { info } = await new GoldenModel(name).read();
    assert.equal(mayRunOnGpu(info), computesInFloat.includes(name), name);
  }
});

test('descriptions that are compressed are unpacked', async () => {
  const { content, facts } = new GoldenModel('classifier_int8');
  const model = await readModelFile(repacked(content, (data) => deflateRawSync(data)));
  assert.equal(model.info.recipe, facts.info.recipe);
  assert.deepEqual(model.info.labels, facts.info.labels);
});

test('what unpacks to something else is damaged', async () => {
  const { content } = new GoldenModel('classifier_int8');
  /** @type {((data: Buffer) => Buffer)[]} */
  const packers = [
    (data) => deflateRawSync(Buffer.concat([data, data])),
    (data) => deflateRawSync(data.subarray(1)),
    (data) => deflateRawSync(data).subarray(0, -20),
    (data) => Buffer.from(data.map((byte) => byte ^ 0x55)),
  ];
  for (const pack of packers) {
    await assert.rejects(readModelFile(repacked(content, pack)), { kind: 'damaged' });
  }
});

/**
 * The file with another archive, of the one description.
 *
 * @param {Uint8Array} content
 * @param {(data: Buffer) => Buffer} pack
 */
function repacked(content, pack) {
  const file = Buffer.from(content);
  const end = file.lastIndexOf('PK\x05\x06');
  let at = file.readUInt32LE(end + 16);
  const first = file.indexOf('PK\x03\x04');
  const shift = end - file.readUInt32LE(end + 12) - at;
  at += shift;
  for (;;) {
    const nameSize = file.readUInt16LE(at + 28);
    const name = file.toString('utf8', at + 46, at + 46 + nameSize);
    if (name === 'model_info.json') break;
    at += 46 + nameSize + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  const header = file.readUInt32LE(at + 42) + shift;
  const size = file.readUInt32LE(at + 24);
  const start = header + 30 + file.readUInt16LE(header + 26) + file.readUInt16LE(header + 28);
  const packed = pack(file.subarray(start, start + size));
  const name = Buffer.from('model_info.json');
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(8, 10);
  entry.writeUInt32LE(file.readUInt32LE(at + 16), 16);
  entry.writeUInt32LE(packed.length, 20);
  entry.writeUInt32LE(size, 24);
  entry.writeUInt16LE(name.length, 28);
  const tail = Buffer.alloc(22);
  tail.writeUInt32LE(0x06054b50, 0);
  tail.writeUInt16LE(1, 10);
  tail.writeUInt32LE(entry.length + name.length, 12);
  tail.writeUInt32LE(local.length + name.length + packed.length, 16);
  return Buffer.concat([file.subarray(0, first), local, name, packed, entry, name, tail]);
}
