package org.kerasmobilevit.benchmark.ui

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.ui.plot.Axis

class AxisTest {
    @Test
    fun `values lie between the ends`() {
        val axis = Axis(1.0, 3.0, 100f, 0f)
        assertEquals(100f, axis.pixel(1.0), 0f)
        assertEquals(50f, axis.pixel(2.0), 0f)
        assertEquals(0f, axis.pixel(3.0), 0f)
    }

    @Test
    fun `ticks are round numbers`() {
        val ticks = Axis(1.13, 1.72, 0f, 300f).ticks(100f)
        assertArrayEquals(doubleArrayOf(1.2, 1.4, 1.6), ticks.toDoubleArray(), 1e-9)
        assertEquals(1, Axis(1.13, 1.72, 0f, 300f).decimals(ticks))
        val large = Axis(0.0, 40_000.0, 0f, 200f).ticks(50f)
        assertArrayEquals(
            doubleArrayOf(0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0),
            large.toDoubleArray(),
            1e-6,
        )
    }

    @Test
    fun `equal values have an axis too`() {
        val axis = Axis.around(doubleArrayOf(2.0, 2.0), 0f, 100f)
        assertEquals(50f, axis.pixel(2.0), 0.01f)
    }

    @Test
    fun `a short axis has a tick too`() {
        for (to in listOf(1.2, 1.72, 3.0, 9.9)) {
            val ticks = Axis(1.13, to, 0f, 10f).ticks(100f)
            assertTrue(
                "$to: $ticks",
                ticks.isNotEmpty() && ticks.all { it > 1.12 && it < to + 0.01 },
            )
        }
    }
}
