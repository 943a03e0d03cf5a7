package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.Clock
import org.kerasmobilevit.core.MeasurementListener

/**
 * Whether a process stayed one on the screen while it measured: asked every two seconds, between
 * inferences.
 */
internal class ForegroundWatch(
    private val isForeground: () -> Boolean,
    private val receiver: MeasurementListener,
    private val clock: Clock,
) : MeasurementListener {
    private var stayed = true
    private var next = Long.MIN_VALUE

    /** Asks once more. */
    fun hasStayed(): Boolean {
        stayed = stayed && isForeground()
        return stayed
    }

    override fun onProgress(
        done: Int,
        total: Int,
    ) {
        val now = clock.nanos()
        if (next == Long.MIN_VALUE || now >= next) {
            next = now + INTERVAL_NANOS
            hasStayed()
        }
        receiver.onProgress(done, total)
    }

    override fun onWaiting(
        headroom: Double,
        limit: Double,
    ) {
        stayed = true // Nothing is measured yet.
        receiver.onWaiting(headroom, limit)
    }

    private companion object {
        const val INTERVAL_NANOS = 2_000_000_000L
    }
}
