package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.Delegation

/** What a reader of a result has to know before anything else. */
internal object Warnings {
    /** @param isPartial whether the accelerator refused to run the whole graph. */
    fun of(
        result: BenchmarkResult,
        isPartial: Boolean,
    ): List<String> =
        listOfNotNull(
            "This is a debug build: latencies of release builds are lower."
                .takeIf { result.build == "debug" },
            "Battery saver was on: it slows the processor down."
                .takeIf { result.battery?.saver == true },
            "The app was in the background, where Android lends fewer cores."
                .takeIf { result.process == "background app" },
            partial(result.accelerator, result.delegation, isPartial),
            "The self-test failed: this device does not compute what the file expects."
                .takeIf { result.selfTest?.passed == false },
            "The phone began to throttle: later samples are slower than they need to be."
                .takeIf { (result.samples.thermal.headroomAfter ?: 0.0) >= 1 },
        )

    private fun partial(
        accelerator: AcceleratorChoice,
        delegation: Delegation?,
        isPartial: Boolean,
    ): String? {
        val name = accelerator.key.uppercase()
        return when {
            isPartial && delegation == null -> {
                "The $name refused to run the whole graph; how much of it ran on the CPU is unknown."
            }

            delegation != null && (isPartial || !delegation.isFull) -> {
                val by = if (accelerator == AcceleratorChoice.CPU) "XNNPACK" else "The $name"
                "$by ran ${delegation.delegated} of ${delegation.nodes} operations, in " +
                    "${delegation.partitions} parts; slower kernels ran the others."
            }

            else -> {
                null
            }
        }
    }
}
