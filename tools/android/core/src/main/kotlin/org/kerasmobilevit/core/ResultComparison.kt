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
        /** Compares the latencies of two runs. */
        fun of(
            run: BenchmarkResult,
            pinned: BenchmarkResult,
        ): ResultComparison {
            val (a, b) = run.statistics to pinned.statistics
            return ResultComparison(
                ratio = b.median / a.median,
                overlaps = a.p5 <= b.p95 && b.p5 <= a.p95,
                differences = differences(run, pinned),
            )
        }

        private fun differences(
            run: BenchmarkResult,
            pinned: BenchmarkResult,
        ) = listOf<Pair<String, (BenchmarkResult) -> Any?>>(
            "accelerator" to { it.accelerator.key },
            "threads" to { it.threads },
            "process" to { it.process },
            "runtime" to { it.runtime },
            "build" to { it.build },
            "battery saver" to { it.battery?.saver },
        ).filter { (_, value) -> value(run) != value(pinned) }
            .map { (name, value) ->
                "$name: ${value(run) ?: "unknown"}, pinned: ${value(pinned) ?: "unknown"}"
            }
    }
}
