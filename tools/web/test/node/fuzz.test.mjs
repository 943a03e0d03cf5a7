import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelFileError } from '../../src/core/errors.js';
import { readModelFile } from '../../src/core/model_file.js';
import { decodeOutputs } from '../../src/core/output_decoder.js';
import { checkSelfTest, selfTestInput } from '../../src/core/self_test.js';
import { zeros } from '../../src/core/tensor_data.js';
import { sizeOf } from '../../src/core/tensor_spec.js';
import { GoldenModel } from './golden.mjs';

const ROUNDS = 300;

test('damaged files are refused or read', { timeout: 60_000 }, async () => {
  let refused = 0;
  for (const name of ['raw_int8', 'v1_classifier_int8']) {
    const { content } = new GoldenModel(name);
    const random = generator(1);
    for (let round = 0; round < ROUNDS; round++) {
      try {
        await use(mutated(content, random));
      } catch (error) {
        assert.ok(error instanceof ModelFileError, `${name}, round ${round}: ${error}`);
        refused++;
      }
    }
  }
  // Most bytes are weights, but half of the changes are aimed at the rest.
  assert.ok(refused > 100 && refused < 550, `${refused} refused`);
});

/**
 * What the page does with a file before it runs it.
 *
 * @param {Uint8Array} content
 */
async function use(content) {
  const { info, input, outputs } = await readModelFile(content);
  selfTestInput(info.image, input);
  const values = Object.fromEntries(
    outputs.map(({ name, dtype, shape }) => [name, zeros(dtype, sizeOf(shape))]),
  );
  checkSelfTest(info, outputs, values);
  decodeOutputs(info, outputs, values);
}

/**
 * @param {Uint8Array} original
 * @param {(limit: number) => number} random
 */
function mutated(original, random) {
  const bytes = original.slice();
  // The tables of the graph stand at its ends, and the archive behind it.
  const ends = 3000;
  for (let left = 1 + random(4); left > 0; left--) {
    const at = [
      () => random(ends),
      () => bytes.length - 1 - random(5 * ends),
      () => random(bytes.length),
    ][random(3)]();
    [
      () => (bytes[at] = random(256)),
      () => (bytes[at] ^= 1 << random(8)),
      () => bytes.fill(255, at, at + 4),
      () => bytes.fill(0, at, at + 1 + random(64)),
    ][random(4)]();
  }
  switch (random(8)) {
    case 0:
      return bytes.slice(0, random(bytes.length));
    case 1:
      return Buffer.concat([bytes, Buffer.alloc(random(100), random(256))]);
    default:
      return bytes;
  }
}

/**
 * Numbers below a limit, the same in each run (mulberry32).
 *
 * @param {number} seed
 */
function generator(seed) {
  let state = seed;
  return (/** @type {number} */ limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) % limit) | 0;
  };
}
