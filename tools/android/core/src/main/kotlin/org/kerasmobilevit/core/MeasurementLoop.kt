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
    /** Thermal headroom: 1 is where throttling begins; null or NaN if unknown. */
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
    private val heat: Heat,
) {
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
    ): Samples = TODO()
}
