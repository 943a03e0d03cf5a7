package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.Delegation
import org.kerasmobilevit.core.ThermalRecord

/** What a reader of a result has to know before anything else. */
internal object Warnings {
    /** Android's thermal status from which apps get noticeably slower. */
    private const val MODERATE = 2

    /**
     * @param isPartial whether the accelerator refused to run the whole graph.
     * @param isGateBlind whether it was to wait for a cool phone that does not tell its heat.
     * @param areThreadsGuessed whether the phone does not tell which cores are the big ones.
     */
    fun of(
        result: BenchmarkResult,
        isPartial: Boolean,
        isGateBlind: Boolean,
        areThreadsGuessed: Boolean,
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
            "The phone throttled: samples are slower than they need to be."
                .takeIf { hasThrottled(result.samples.thermal) },
            "This phone does not tell its thermal headroom: the run began however hot it was."
                .takeIf { isGateBlind },
            "The frequencies of the cores cannot be read: the number of threads is a guess."
                .takeIf { areThreadsGuessed },
        )

    private fun hasThrottled(thermal: ThermalRecord): Boolean {
        val headroom = thermal.samples.map { it.headroom } + listOfNotNull(thermal.headroomAfter)
        return headroom.any { it >= 1 } || (thermal.statusAfter ?: 0) >= MODERATE
    }

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
                val parts = delegation.partitions?.let { ", in $it parts" }.orEmpty()
                "$by ran ${delegation.delegated} of ${delegation.nodes} operations$parts; slower " +
                    "kernels ran the others."
            }

            else -> {
                null
            }
        }
    }
}
