import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValueError } from '../../src/core/errors.js';
import { statisticsOf } from '../../src/core/statistics.js';
import { json } from './golden.mjs';

test('numbers are those of NumPy', () => {
  const cases = json('statistics.json');
  assert.equal(cases.length, 9);
  for (const facts of cases) {
    const statistics = statisticsOf(facts.ms);
    // Of order statistics nothing is rounded otherwise.
    for (const key of /** @type {const} */ (['median', 'p5', 'p95', 'min', 'max'])) {
      assert.equal(statistics[key], facts[key], key);
    }
    // NumPy adds in another order.
    const tolerance = 1e-14 * (1 + facts.max);
    assert.ok(Math.abs(statistics.mean - facts.mean) <= tolerance);
    assert.ok(Math.abs(statistics.stddev - facts.stddev) <= tolerance);
    assert.ok(Math.abs(statistics.trimmedMean - facts.trimmed_mean) <= tolerance);
  }
});

test('samples must be numbers', () => {
  for (const ms of [[], [1, NaN]]) assert.throws(() => statisticsOf(ms), ValueError);
});
