package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

class StatisticsTest {
    @Test
    fun numbersAreThoseOfNumPy() {
        val cases = Fixtures.cases("statistics.json")
        assertEquals(9, cases.size)
        for (case in cases) {
            val statistics = Statistics.of(case.doubles("ms").toDoubleArray())
            // Of order statistics nothing is rounded otherwise.
            assertEquals(case.double("median"), statistics.median, 0.0)
            assertEquals(case.double("p5"), statistics.p5, 0.0)
            assertEquals(case.double("p95"), statistics.p95, 0.0)
            assertEquals(case.double("min"), statistics.min, 0.0)
            assertEquals(case.double("max"), statistics.max, 0.0)
            // NumPy adds in another order.
            assertClose(case, "mean", statistics.mean)
            assertClose(case, "stddev", statistics.stddev)
            assertClose(case, "trimmed_mean", statistics.trimmedMean)
        }
    }

    @Test
    fun samplesMustBeNumbers() {
        for (ms in listOf(doubleArrayOf(), doubleArrayOf(1.0, Double.NaN))) {
            assertThrows(IllegalArgumentException::class.java) { Statistics.of(ms) }
        }
    }

    private fun assertClose(
        case: JsonObject,
        key: String,
        actual: Double,
    ) = assertEquals(key, case.double(key), actual, 1e-14 * (1 + case.double("max")))
}
