package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.BenchmarkOptions

/** The inverse of [BenchmarkOptions.parse]. */
internal object OptionArguments {
    fun of(options: BenchmarkOptions): Map<String, String> =
        listOf(
            "accelerator" to options.accelerator.key,
            "threads" to options.threads,
            "runs" to options.runs,
            "seconds" to options.seconds,
            "warmup" to options.warmup,
            "max_headroom" to options.maxHeadroom,
            "cooldown" to options.cooldownSeconds,
            "repeat" to options.repeat,
        ).mapNotNull { (key, value) -> value?.let { key to it.toString() } }
            .toMap()
}
