package org.kerasmobilevit.benchmark.ui.plot

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.log10
import kotlin.math.pow

/**
 * From values to pixels, with round numbers to write beside.
 *
 * @property from value at pixel [start].
 * @property to value at pixel [end], which may lie before [start].
 */
class Axis(
    val from: Double,
    val to: Double,
    private val start: Float,
    private val end: Float,
) {
    fun pixel(value: Double): Float =
        (start + (value - from) / (to - from) * (end - start)).toFloat()

    /** About as many round numbers between its ends as the length has room for; at least one. */
    fun ticks(spacing: Float): List<Double> {
        val most = maxOf(1.0, (abs(end - start) / spacing).toDouble())
        return generateSequence((to - from) / most) { it / 2 }
            .map { multiples(roundStep(it)) }
            .first { it.isNotEmpty() }
    }

    private fun multiples(step: Double): List<Double> {
        val first = ceil(from / step - 1e-9).toLong()
        val last = floor(to / step + 1e-9).toLong()
        return (first..last).map { it * step }
    }

    /** Decimals that tell the ticks apart. */
    fun decimals(ticks: List<Double>): Int {
        if (ticks.size < 2) return 2
        return ceil(-log10(ticks[1] - ticks[0]) - 1e-9).toInt().coerceIn(0, 4)
    }

    companion object {
        /** An axis with some room around the values. */
        fun around(
            values: DoubleArray,
            start: Float,
            end: Float,
        ): Axis {
            val low = values.min()
            val high = values.max()
            val room = maxOf((high - low) * 0.08, abs(high) * 0.02, 1e-6)
            return Axis(maxOf(0.0, low - room), high + room, start, end)
        }

        /** The next of 1, 2, 5, 10, ... */
        internal fun roundStep(least: Double): Double {
            val power = 10.0.pow(floor(log10(least)))
            val factor = listOf(1.0, 2.0, 5.0).firstOrNull { it * power >= least * (1 - 1e-9) }
            return (factor ?: 10.0) * power
        }
    }
}
