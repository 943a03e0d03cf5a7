package org.kerasmobilevit.core

/**
 * Thermal headroom at a time.
 *
 * @property atS seconds since the first timed inference began.
 * @property headroom 1 is where severe throttling begins.
 */
data class HeatSample(
    val atS: Double,
    val headroom: Double,
)

/**
 * Thermal state around a measurement; null where the device does not tell.
 *
 * @property headroomBefore before the warm-up, after the wait.
 * @property headroomAfter after the last inference.
 * @property statusBefore Android's thermal status, from 0 to 6.
 * @property samples during the timed inferences, every two seconds.
 * @property waitedS how long the gate was closed, in seconds.
 */
data class ThermalRecord(
    val headroomBefore: Double?,
    val headroomAfter: Double?,
    val statusBefore: Int?,
    val statusAfter: Int?,
    val samples: List<HeatSample>,
    val waitedS: Double,
)

/**
 * What was measured.
 *
 * @property warmupMs milliseconds of the inferences that do not count.
 * @property ms milliseconds of the timed inferences, at least one.
 * @property startedAtS when each of these began, in seconds since the first one did.
 */
class Samples(
    val warmupMs: DoubleArray,
    val ms: DoubleArray,
    val startedAtS: DoubleArray,
    val thermal: ThermalRecord,
) {
    /** Milliseconds of the very first inference, warm-up or not. */
    val firstMs: Double get() = warmupMs.firstOrNull() ?: ms.first()
}
