package org.kerasmobilevit.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

class ResultComparisonTest {
    @Test
    fun ratioIsAboveOneForTheFasterRun() {
        val comparison = ResultComparison.of(run(1.0, 1.1, 1.2), run(3.0, 3.3, 3.6))
        assertEquals(3.0, comparison.ratio, 1e-12)
        assertFalse(comparison.overlaps)
        assertEquals(emptyList<String>(), comparison.differences)
    }

    @Test
    fun overlappingRangesAreSaid() {
        val (fast, slow) = run(1.0, 1.1, 3.4) to run(3.0, 3.3, 3.6)
        assertTrue(ResultComparison.of(fast, slow).overlaps)
        assertTrue(ResultComparison.of(slow, fast).overlaps)
        assertTrue(ResultComparison.of(fast, fast).overlaps)
    }

    @Test
    fun otherConditionsAreNamed() {
        val run = run(1.0)
        val pinned = run.copy(threads = 1, build = "debug", battery = null)
        assertEquals(
            listOf(
                "threads: 4, pinned: 1",
                "build: release, pinned: debug",
                "battery saver: false, pinned: unknown",
            ),
            ResultComparison.of(run, pinned).differences,
        )
    }

    private fun run(vararg ms: Double): BenchmarkResult {
        val samples = SampleResults.full.samples
        return SampleResults.full.copy(
            samples = Samples(samples.warmupMs, ms, ms, samples.thermal),
        )
    }
}
