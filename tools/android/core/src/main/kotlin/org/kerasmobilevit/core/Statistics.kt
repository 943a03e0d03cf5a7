package org.kerasmobilevit.core

/**
 * Statistics of latencies, all in milliseconds.
 *
 * @property p5 percentile, interpolated linearly as NumPy does; as are [median] and [p95].
 * @property stddev of the population.
 * @property trimmedMean mean without the lowest and the highest fifth.
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
        /** @throws IllegalArgumentException if there are no samples, or some are no numbers. */
        fun of(ms: DoubleArray): Statistics = TODO()
    }
}
