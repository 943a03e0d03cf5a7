package org.kerasmobilevit.core

import kotlin.math.sqrt

/**
 * Statistics of latencies, all in milliseconds.
 *
 * @property p5 percentile, interpolated linearly as NumPy does; as are [median] and [p95].
 * @property stddev of the population.
 * @property trimmedMean mean without the lowest and the highest tenth.
 */
data class Statistics(
    val median: Double,
    val p5: Double,
    val p95: Double,
    val mean: Double,
    val stddev: Double,
    val min: Double,
    val max: Double,
    val trimmedMean: Double,
) {
    companion object {
        private const val TRIM = 0.1

        /** @throws IllegalArgumentException if there are no samples, or some are no numbers. */
        fun of(ms: DoubleArray): Statistics {
            require(ms.isNotEmpty() && ms.all { it.isFinite() }) {
                "Expected at least one finite latency. Received: ${ms.size} samples"
            }
            val sorted = ms.sortedArray()
            val mean = sorted.average()
            val cut = (TRIM * sorted.size).toInt()
            return Statistics(
                median = percentile(sorted, 0.5),
                p5 = percentile(sorted, 0.05),
                p95 = percentile(sorted, 0.95),
                mean = mean,
                stddev = sqrt(sorted.sumOf { (it - mean) * (it - mean) } / sorted.size),
                min = sorted.first(),
                max = sorted.last(),
                trimmedMean = sorted.copyOfRange(cut, sorted.size - cut).average(),
            )
        }

        private fun percentile(
            sorted: DoubleArray,
            share: Double,
        ): Double {
            val at = share * (sorted.size - 1)
            val low = sorted[at.toInt()]
            val high = sorted[minOf(at.toInt() + 1, sorted.size - 1)]
            val weight = at - at.toInt()
            // From the nearer end, so that both ends are met exactly.
            return if (weight < 0.5) {
                low + (high - low) * weight
            } else {
                high - (high - low) * (1 - weight)
            }
        }
    }
}
