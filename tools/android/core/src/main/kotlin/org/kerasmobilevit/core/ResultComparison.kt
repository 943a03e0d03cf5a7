package org.kerasmobilevit.core

/**
 * A run beside one that the user pinned.
 *
 * @property ratio median of the pinned run over that of this one: above 1, this one is faster.
 * @property overlaps whether the ranges from the 5th to the 95th percentile overlap; if so, the two
 *   can not be told apart.
 * @property differences what besides the model is not the same, such as the number of threads.
 */
data class ResultComparison(
    val ratio: Double,
    val overlaps: Boolean,
    val differences: List<String>,
) {
    companion object {
        fun of(
            run: BenchmarkResult,
            pinned: BenchmarkResult,
        ): ResultComparison = TODO()
    }
}
