package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.Clock
import org.kerasmobilevit.core.MeasurementListener

/** Passes on what a measurement says, at most twice a second, and the end. */
class ProgressLimit(
    private val receiver: MeasurementListener,
    private val clock: Clock = SystemTime,
) : MeasurementListener {
    private var next = Long.MIN_VALUE

    override fun onProgress(
        done: Int,
        total: Int,
    ) {
        if (isDue() || done >= total) receiver.onProgress(done, total)
    }

    override fun onWaiting(
        headroom: Double,
        limit: Double,
    ) {
        if (isDue()) receiver.onWaiting(headroom, limit)
    }

    private fun isDue(): Boolean {
        val now = clock.nanos()
        if (next != Long.MIN_VALUE && now < next) return false
        next = now + INTERVAL_NANOS
        return true
    }

    private companion object {
        const val INTERVAL_NANOS = 500_000_000L
    }
}
