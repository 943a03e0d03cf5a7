import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparePredictions } from '../../src/core/comparison.js';
/** @import { Box, Prediction } from '../../src/core/prediction.js' */

/**
 * @param {'classes' | 'labels'} type
 * @param {...[string, number]} scores
 * @returns {Prediction}
 */
function scores(type, ...scores) {
  return {
    type,
    ranked: scores.map(([label, score]) => ({ outputClass: label.charCodeAt(0), label, score })),
  };
}

/**
 * @param {string} label
 * @param {number} left
 * @returns {Box}
 */
function box(label, left) {
  const found = { outputClass: 1, label, score: 0.9 };
  return { found, left, top: 0, right: left + 0.2, bottom: 0.5 };
}

/**
 * @param {...number} ids
 * @returns {Prediction}
 */
function mask(...ids) {
  return { type: 'mask', height: 1, width: ids.length, classes: Int32Array.from(ids) };
}

test('classes: the best one decides, and scores are paired', () => {
  const first = scores('classes', ['a', 0.7], ['b', 0.2], ['c', 0.1]);
  const near = comparePredictions(first, scores('classes', ['a', 0.5], ['c', 0.3], ['b', 0.2]));
  assert.ok(near?.type === 'classes');
  assert.equal(near.same, true);
  assert.ok(Math.abs(near.largestDifference - 0.2) < 1e-12);
  assert.deepEqual(
    near.pairs.map((pair) => [pair.label, pair.first, pair.second]),
    [
      ['a', 0.7, 0.5],
      ['b', 0.2, 0.2],
      ['c', 0.1, 0.3],
    ],
  );
  const other = scores('classes', ['b', 0.6], ['a', 0.3], ['c', 0.1]);
  assert.equal(comparePredictions(first, other)?.same, false);
});

test('labels: the present ones decide', () => {
  const first = scores('labels', ['a', 0.9], ['b', 0.6], ['c', 0.1]);
  const same = scores('labels', ['b', 0.8], ['a', 0.7], ['c', 0.4]);
  const other = scores('labels', ['a', 0.9], ['b', 0.4], ['c', 0.1]);
  assert.equal(comparePredictions(first, same)?.same, true);
  assert.equal(comparePredictions(first, other)?.same, false);
});

test('values: the largest difference', () => {
  /** @type {(value: number) => Prediction} */
  const values = (value) => ({ type: 'values', values: [{ label: 'age', value }] });
  const compared = comparePredictions(values(3), values(5));
  assert.deepEqual(compared, { type: 'values', same: false, largestDifference: 2 });
  assert.equal(comparePredictions(values(3), values(3))?.same, true);
});

test('boxes: those of one class that overlap are pairs', () => {
  const first = [box('cat', 0), box('dog', 0.5)];
  const second = [box('cat', 0.5), box('cat', 0.02)];
  const compared = comparePredictions(
    { type: 'boxes', boxes: first },
    { type: 'boxes', boxes: second },
  );
  assert.ok(compared?.type === 'boxes');
  assert.equal(compared.same, false);
  // Shifted by a tenth of the width: 0.9 of 1.1 widths are shared.
  assert.ok(Math.abs(compared.pairs[0].iou - 0.9 / 1.1) < 1e-12);
  assert.deepEqual([compared.pairs[0].first, compared.pairs[0].second], [first[0], second[1]]);
  assert.deepEqual(compared.onlyFirst, [first[1]]);
  assert.deepEqual(compared.onlySecond, [second[0]]);
});

test('masks: pixels of another class', () => {
  const compared = comparePredictions(mask(1, 2, 3, 4), mask(1, 2, 0, 4));
  assert.deepEqual(compared, {
    type: 'mask',
    same: false,
    agreement: 0.75,
    differs: Uint8Array.of(0, 0, 1, 0),
  });
});

test('what is of another kind is not compared', () => {
  const first = scores('classes', ['a', 1]);
  for (const second of [
    mask(1),
    scores('labels', ['a', 1]),
    scores('classes', ['b', 1]),
    scores('classes', ['a', 0.5], ['b', 0.5]),
  ]) {
    assert.equal(comparePredictions(first, second), null);
  }
  assert.equal(comparePredictions(mask(1), mask(1, 2)), null);
});
