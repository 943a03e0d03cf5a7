package org.kerasmobilevit.core

/**
 * Asks for the headroom once a second at most, and repeats the last answer until then: Android
 * answers NaN to those who ask more often.
 */
internal class PatientHeat(
    private val heat: Heat,
    private val clock: Clock,
) {
    private var askedAt: Long? = null
    private var last: Double? = null

    /** Null if unknown. */
    fun headroom(): Double? {
        val now = clock.nanos()
        if (askedAt.let { it == null || now - it >= NANOS_PER_SECOND }) {
            askedAt = now
            last = heat.headroom()?.takeIf { it.isFinite() }
        }
        return last
    }

    /** Android's thermal status; null if unknown. */
    fun status(): Int? = heat.status()

    private companion object {
        const val NANOS_PER_SECOND = 1_000_000_000L
    }
}
