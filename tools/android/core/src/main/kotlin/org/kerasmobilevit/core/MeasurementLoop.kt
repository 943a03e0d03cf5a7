package org.kerasmobilevit.core

/** Time, so that tests need not wait. */
interface Clock {
    /** Monotonic time in nanoseconds. */
    fun nanos(): Long

    /** Waits. */
    fun sleep(millis: Long)
}

/** Thermal state of the device, as Android's `PowerManager` gives it. */
interface Heat {
    /**
     * Thermal headroom: 1 is where severe throttling begins; lighter throttling may begin below it.
     * Null or NaN if unknown, as to those who ask again within a second.
     */
    fun headroom(): Double?

    /** Thermal status, from 0 (none) to 6 (shutdown); null if unknown. */
    fun status(): Int?
}

/** Hears how far a measurement is. All calls come from the thread that measures. */
interface MeasurementListener {
    /**
     * After each timed inference; the receiver limits the rate.
     *
     * @param total how many there will be; estimated if a time is given and not a number.
     */
    fun onProgress(
        done: Int,
        total: Int,
    )

    /** While it waits for the device to cool down. */
    fun onWaiting(
        headroom: Double,
        limit: Double,
    )
}

/** The device did not cool down in the time that was given. */
class TooHotException(
    val headroom: Double,
    val limit: Double,
    val waitedS: Double,
) : Exception(
        "Expected a thermal headroom below $limit within ${waitedS.toInt()} s. Received: $headroom",
    )

/** The measurement was cancelled. */
class MeasurementCancelledException : Exception("The measurement was cancelled.")

/**
 * Measures one model: waits for a cool device, warms up, then times inferences one by one.
 *
 * The gate comes before the warm-up, so that caches are warm and clocks high when it counts.
 */
class MeasurementLoop(
    private val options: BenchmarkOptions,
    private val clock: Clock,
    heat: Heat,
) {
    private val heat = PatientHeat(heat, clock)
    private var waitedS = 0.0

    /**
     * Runs it on the calling thread.
     *
     * @param inference one inference, until its outputs are there.
     * @param isCancelled asked before each inference, and while waiting.
     * @throws TooHotException if the gate of the options does not open in time.
     * @throws MeasurementCancelledException soon after `isCancelled` says so.
     */
    fun run(
        inference: () -> Unit,
        isCancelled: () -> Boolean,
        listener: MeasurementListener,
    ): Samples {
        waitForCool(isCancelled, listener)
        val headroomBefore = heat.headroom()
        val statusBefore = heat.status()
        val warmupMs =
            DoubleArray(options.warmup) {
                stopIf(isCancelled)
                val start = clock.nanos()
                inference()
                (clock.nanos() - start) / NANOS_PER_MILLI
            }
        val timed = Timed()
        while (!timed.isDone()) {
            stopIf(isCancelled)
            timed.next(inference)
            listener.onProgress(timed.done, timed.total())
        }
        return Samples(
            warmupMs,
            timed.ms.copyOf(timed.done),
            timed.startedAtS.copyOf(timed.done),
            ThermalRecord(
                headroomBefore,
                heat.headroom(),
                statusBefore,
                heat.status(),
                timed.heatSamples,
                waitedS,
            ),
        )
    }

    private fun waitForCool(
        isCancelled: () -> Boolean,
        listener: MeasurementListener,
    ) {
        val limit = options.maxHeadroom ?: return
        val start = clock.nanos()
        while (true) {
            stopIf(isCancelled)
            val headroom = heat.headroom()
            waitedS = (clock.nanos() - start) / NANOS_PER_SECOND
            // An unknown headroom must not stop the measurement for ever.
            if (headroom == null || headroom < limit) return
            if (waitedS >= options.cooldownSeconds) {
                throw TooHotException(headroom, limit, waitedS)
            }
            listener.onWaiting(headroom, limit)
            repeat(PARTS) {
                stopIf(isCancelled)
                clock.sleep(HEAT_MILLIS / PARTS)
            }
        }
    }

    private fun stopIf(isCancelled: () -> Boolean) {
        if (isCancelled()) throw MeasurementCancelledException()
    }

    /** The inferences that count, as far as they are done. */
    private inner class Timed {
        var ms = DoubleArray(INITIAL_SIZE)
        var startedAtS = DoubleArray(INITIAL_SIZE)
        var done = 0
        val heatSamples = mutableListOf<HeatSample>()
        private var firstStart = 0L
        private var lastEnd = 0L
        private var heatAskedAt = Long.MIN_VALUE

        fun isDone(): Boolean {
            val seconds = options.seconds ?: return done >= options.runs
            return done > 0 && (elapsedS() >= seconds || done >= MAX_SAMPLES)
        }

        /** How many there will be; an estimate if a time is given. */
        fun total(): Int {
            val seconds = options.seconds ?: return options.runs
            val estimate = done * maxOf(seconds / maxOf(elapsedS(), 1e-9), 1.0)
            return if (isDone()) done else minOf(estimate, MAX_SAMPLES.toDouble()).toInt()
        }

        fun next(inference: () -> Unit) {
            if (done == ms.size) {
                ms = ms.copyOf(2 * done)
                startedAtS = startedAtS.copyOf(2 * done)
            }
            val start = clock.nanos()
            inference()
            lastEnd = clock.nanos()
            if (done == 0) firstStart = start
            ms[done] = (lastEnd - start) / NANOS_PER_MILLI
            startedAtS[done] = (start - firstStart) / NANOS_PER_SECOND
            done++
            sampleHeat()
        }

        private fun sampleHeat() {
            if (done > 1 && lastEnd - heatAskedAt < HEAT_MILLIS * NANOS_PER_MILLI) return
            heatAskedAt = lastEnd
            heat.headroom()?.let { heatSamples += HeatSample(elapsedS(), it) }
        }

        private fun elapsedS() = (lastEnd - firstStart) / NANOS_PER_SECOND
    }

    private companion object {
        const val NANOS_PER_MILLI = 1e6
        const val NANOS_PER_SECOND = 1e9
        const val INITIAL_SIZE = 1024

        // Ten fast minutes; more would not fit into a document that is passed on.
        const val MAX_SAMPLES = 100_000

        const val HEAT_MILLIS = 2000L
        const val PARTS = 10
    }
}
