package org.kerasmobilevit.core

/** What runs the graph. */
enum class AcceleratorChoice(
    val key: String,
) {
    CPU("cpu"),
    GPU("gpu"),
}

/**
 * How to measure one file.
 *
 * @property accelerator what runs the graph.
 * @property threads of the CPU, from 1 to 64; null for the number of big cores.
 * @property runs timed inferences, from 1 to 100,000; ignored if [seconds] is given.
 * @property seconds how long to measure, in (0, 3600]; null for a number of runs.
 * @property warmup inferences in front that do not count, from 0 to 10,000.
 * @property maxHeadroom wait until the thermal headroom (1: throttling) is below it, in (0, 2];
 *   null for no gate.
 * @property cooldownSeconds longest wait for that, from 0 to 3600.
 * @property repeat which repeat of a series this is, from 0; only for the result.
 */
data class BenchmarkOptions(
    val accelerator: AcceleratorChoice = AcceleratorChoice.CPU,
    val threads: Int? = null,
    val runs: Int = 100,
    val seconds: Double? = null,
    val warmup: Int = 10,
    val maxHeadroom: Double? = null,
    val cooldownSeconds: Int = 120,
    val repeat: Int = 0,
) {
    companion object {
        /** Names of the arguments that [parse] takes. */
        val KEYS: Set<String> =
            linkedSetOf(
                "accelerator",
                "threads",
                "runs",
                "seconds",
                "warmup",
                "max_headroom",
                "cooldown",
                "repeat",
            )

        /**
         * Reads the arguments of an instrumentation: the names in [KEYS], each with a text. Missing
         * ones have their default value.
         *
         * @throws IllegalArgumentException if a name is unknown or a value out of its range; the
         *   message says what was expected and received.
         */
        fun parse(arguments: Map<String, String>): BenchmarkOptions = TODO()
    }
}
