import { statisticsOf } from '../core/statistics.js';
/** @import { Statistics } from '../core/statistics.js' */
/** @import { Runner } from '../runtime/client.js' */

/**
 * @typedef {Statistics & {runs: number, isUnsteady: boolean}} Measured `isUnsteady` says that
 *   something else must have slowed the runs down
 */

const ROUNDS = 12;
const SECONDS = 0.25;
const WARMUP = 5;
// p95 over p5; far less on an idle device.
const UNSTEADY = 3;

/**
 * Measures files one after the other, in rounds, so that whatever slows the device down for a
 * while slows all of them.
 *
 * @param {Runner} runner
 * @param {string[]} keys of loaded files
 * @param {object} options
 * @param {(share: number) => void} options.onProgress
 * @param {AbortSignal} options.signal
 * @returns {Promise<Map<string, Measured>>}
 */
export async function measureInRounds(runner, keys, { onProgress, signal }) {
  const samples = new Map(keys.map((key) => [key, /** @type {number[]} */ ([])]));
  let done = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [key, ms] of samples) {
      const from = done;
      const options = { warmup: WARMUP, seconds: SECONDS };
      const measured = await runner.measure(
        key,
        options,
        ({ share }) => onProgress((from + Math.min(share, 1)) / (ROUNDS * keys.length)),
        signal,
      );
      ms.push(...measured);
      onProgress(++done / (ROUNDS * keys.length));
    }
  }
  return new Map([...samples].map(([key, ms]) => [key, measuredOf(ms)]));
}

/**
 * @param {number[]} ms
 * @returns {Measured}
 */
function measuredOf(ms) {
  const statistics = statisticsOf(ms);
  const isUnsteady = statistics.p95 > UNSTEADY * statistics.p5;
  return { ...statistics, runs: ms.length, isUnsteady };
}
