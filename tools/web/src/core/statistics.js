import { ValueError } from './errors.js';

const TRIM = 0.1;

/**
 * Statistics of latencies, all in milliseconds.
 *
 * @typedef {object} Statistics
 * @property {number} median
 * @property {number} p5 percentile, interpolated linearly as NumPy does
 * @property {number} p95
 * @property {number} mean
 * @property {number} stddev of the population
 * @property {number} min
 * @property {number} max
 * @property {number} trimmedMean mean without the lowest and the highest tenth
 */

/**
 * @param {Iterable<number>} ms
 * @returns {Statistics}
 * @throws {ValueError} if there are no samples, or some are no numbers
 */
export function statisticsOf(ms) {
  const sorted = Float64Array.from(ms).sort();
  if (sorted.length === 0 || !sorted.every(Number.isFinite)) {
    throw new ValueError(
      `Expected at least one finite latency. Received: ${sorted.length} samples`,
    );
  }
  const mean = average(sorted);
  const cut = Math.floor(TRIM * sorted.length);
  return {
    median: percentile(sorted, 0.5),
    p5: percentile(sorted, 0.05),
    p95: percentile(sorted, 0.95),
    mean,
    stddev: Math.sqrt(average(sorted.map((value) => (value - mean) ** 2))),
    min: sorted[0],
    max: sorted[sorted.length - 1],
    trimmedMean: average(sorted.subarray(cut, sorted.length - cut)),
  };
}

/** @param {Float64Array} values */
function average(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * @param {Float64Array} sorted
 * @param {number} share
 */
function percentile(sorted, share) {
  const at = share * (sorted.length - 1);
  const index = Math.floor(at);
  const low = sorted[index];
  const high = sorted[Math.min(index + 1, sorted.length - 1)];
  const weight = at - index;
  // From the nearer end, so that both ends are met exactly.
  return weight < 0.5 ? low + (high - low) * weight : high - (high - low) * (1 - weight);
}
