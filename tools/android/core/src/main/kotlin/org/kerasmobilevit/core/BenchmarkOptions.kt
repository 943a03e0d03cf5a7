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
 * @property maxHeadroom wait until the thermal headroom (1: severe throttling) is below it, in
 *   (0, 2]; null for no gate.
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
    init {
        require(threads == null || threads in THREADS) { outOf("threads", THREADS, threads) }
        require(runs in RUNS) { outOf("runs", RUNS, runs) }
        require(seconds == null || (seconds > 0 && seconds <= MAX_SECONDS)) {
            outOf("seconds", "above 0 and at most $MAX_SECONDS", seconds)
        }
        require(warmup in WARMUP) { outOf("warmup", WARMUP, warmup) }
        require(maxHeadroom == null || (maxHeadroom > 0 && maxHeadroom <= MAX_HEADROOM)) {
            outOf("max_headroom", "above 0 and at most $MAX_HEADROOM", maxHeadroom)
        }
        require(cooldownSeconds in COOLDOWN) { outOf("cooldown", COOLDOWN, cooldownSeconds) }
        require(repeat in REPEAT) { outOf("repeat", REPEAT, repeat) }
    }

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
        private val THREADS = 1..64
        private val RUNS = 1..100_000
        private val WARMUP = 0..10_000
        private val COOLDOWN = 0..3600
        private val REPEAT = 0..1_000_000
        private const val MAX_SECONDS = 3600.0
        private const val MAX_HEADROOM = 2.0

        /**
         * Reads the arguments of an instrumentation: the names in [KEYS], each with a text. Missing
         * ones have their default value.
         *
         * @throws IllegalArgumentException if a name is unknown or a value out of its range; the
         *   message says what was expected and received.
         */
        fun parse(arguments: Map<String, String>): BenchmarkOptions {
            val unknown = arguments.keys - KEYS
            require(unknown.isEmpty()) {
                "Expected arguments among ${KEYS.toList()}. Received: ${unknown.toList()}"
            }

            fun int(
                key: String,
                range: IntRange,
            ) = arguments[key]?.let {
                it.toIntOrNull() ?: throw IllegalArgumentException(outOf(key, range, it))
            }

            fun number(key: String) =
                arguments[key]?.let {
                    it.toDoubleOrNull()
                        ?: throw IllegalArgumentException(outOf(key, "a number", it))
                }
            val defaults = BenchmarkOptions()
            return BenchmarkOptions(
                accelerator =
                    arguments["accelerator"]?.let(::accelerator) ?: defaults.accelerator,
                threads = int("threads", THREADS),
                runs = int("runs", RUNS) ?: defaults.runs,
                seconds = number("seconds"),
                warmup = int("warmup", WARMUP) ?: defaults.warmup,
                maxHeadroom = number("max_headroom"),
                cooldownSeconds = int("cooldown", COOLDOWN) ?: defaults.cooldownSeconds,
                repeat = int("repeat", REPEAT) ?: defaults.repeat,
            )
        }

        private fun accelerator(key: String) =
            AcceleratorChoice.entries.find { it.key == key }
                ?: throw IllegalArgumentException(
                    outOf("accelerator", "one of ${AcceleratorChoice.entries.map { it.key }}", key),
                )

        private fun outOf(
            key: String,
            range: IntRange,
            received: Any?,
        ) = outOf(key, "a whole number from ${range.first} to ${range.last}", received)

        private fun outOf(
            key: String,
            expected: String,
            received: Any?,
        ) = "`$key` must be $expected. Received: $received"
    }
}
