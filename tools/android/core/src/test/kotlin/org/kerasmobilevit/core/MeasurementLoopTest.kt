package org.kerasmobilevit.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class MeasurementLoopTest {
    private val clock = FakeClock()
    private val log = Log()

    @Test
    fun warmupAndRunsAreTimedOneByOne() {
        // Each inference takes a millisecond more than the one before.
        val options = BenchmarkOptions(runs = 4, warmup = 2)
        val samples = MeasurementLoop(options, clock, NoHeat).run(slower(), { false }, log)
        assertArrayEquals(doubleArrayOf(1.0, 2.0), samples.warmupMs, 0.0)
        assertArrayEquals(doubleArrayOf(3.0, 4.0, 5.0, 6.0), samples.ms, 0.0)
        assertArrayEquals(doubleArrayOf(0.0, 0.003, 0.007, 0.012), samples.startedAtS, 1e-12)
        assertEquals(1.0, samples.firstMs, 0.0)
        assertEquals(listOf("1/4", "2/4", "3/4", "4/4"), log.lines)
    }

    @Test
    fun withoutWarmupTheFirstRunIsTheFirstInference() {
        val options = BenchmarkOptions(runs = 1, warmup = 0)
        val samples = MeasurementLoop(options, clock, NoHeat).run(slower(), { false }, log)
        assertEquals(0, samples.warmupMs.size)
        assertEquals(1.0, samples.firstMs, 0.0)
    }

    @Test
    fun timeIsMeasuredAndNotRuns() {
        val options = BenchmarkOptions(runs = 1, warmup = 0, seconds = 0.1)
        val samples = MeasurementLoop(options, clock, NoHeat).run(taking(30), { false }, log)
        // After 90 ms there is time left.
        assertEquals(4, samples.ms.size)
        assertEquals(listOf("1/3", "2/3", "3/3", "4/4"), log.lines)
    }

    @Test
    fun longMeasurementsEnd() {
        val options = BenchmarkOptions(warmup = 0, seconds = 3600.0)
        val samples = MeasurementLoop(options, clock, NoHeat).run(taking(1), { false }, log)
        assertEquals(100_000, samples.ms.size)
        assertEquals("100000/100000", log.lines.last())
    }

    @Test
    fun waitsUntilTheDeviceIsCool() {
        val options = BenchmarkOptions(runs = 2, warmup = 1, maxHeadroom = 0.8)
        val heat = FakeHeat(0.95, 0.9, 0.79, 0.99)
        val samples = MeasurementLoop(options, clock, heat).run(taking(5), { false }, log)
        assertEquals(listOf("0.95 > 0.8", "0.9 > 0.8", "1/2", "2/2"), log.lines)
        assertEquals(4.0, samples.thermal.waitedS, 1e-9)
        assertEquals(0.79, samples.thermal.headroomBefore!!, 0.0)
        assertEquals(3, samples.thermal.statusBefore)
    }

    @Test
    fun givesUpIfItStaysHot() {
        val options = BenchmarkOptions(maxHeadroom = 0.8, cooldownSeconds = 7)
        val error =
            assertThrows(TooHotException::class.java) {
                MeasurementLoop(options, clock, FakeHeat(1.1)).run(slower(), { false }, log)
            }
        assertEquals(1.1, error.headroom, 0.0)
        assertEquals(8.0, error.waitedS, 1e-9)
        assertEquals(List(4) { "1.1 > 0.8" }, log.lines)
    }

    @Test
    fun unknownHeatDoesNotStopAnything() {
        for (heat in listOf(NoHeat, FakeHeat(Double.NaN))) {
            val options = BenchmarkOptions(runs = 1, maxHeadroom = 0.8)
            val samples = MeasurementLoop(options, clock, heat).run(taking(5), { false }, log)
            assertEquals(null, samples.thermal.headroomBefore)
            assertEquals(0, samples.thermal.samples.size)
        }
    }

    @Test
    fun heatIsAskedEveryTwoSeconds() {
        val options = BenchmarkOptions(runs = 50, warmup = 0)
        val heat = FakeHeat(0.5, 0.6, 0.7, 0.8)
        val samples = MeasurementLoop(options, clock, heat).run(taking(100), { false }, log)
        val expected =
            listOf(HeatSample(0.1, 0.5), HeatSample(2.1, 0.6), HeatSample(4.1, 0.7))
        assertEquals(expected.size, samples.thermal.samples.size)
        for ((sample, other) in samples.thermal.samples.zip(expected)) {
            assertEquals(other.atS, sample.atS, 1e-9)
            assertEquals(other.headroom, sample.headroom, 0.0)
        }
        assertEquals(0.7, samples.thermal.headroomAfter!!, 0.0)
    }

    @Test
    fun cancellingEndsItWhereverItIs() {
        val hot = FakeHeat(1.1)
        val cases =
            mapOf(
                1 to BenchmarkOptions(warmup = 5),
                5 to BenchmarkOptions(warmup = 5),
                50 to BenchmarkOptions(),
                7 to BenchmarkOptions(maxHeadroom = 0.5),
            )
        for ((questions, options) in cases) {
            var asked = 0
            assertThrows(MeasurementCancelledException::class.java) {
                MeasurementLoop(options, clock, hot).run(taking(1), { ++asked >= questions }, log)
            }
            assertEquals(questions, asked)
        }
        // A wait of two seconds is not waited to its end.
        assertTrue(clock.now < 2_000_000_000L)
    }

    @Test
    fun failuresOfTheModelArrive() {
        assertThrows(IllegalStateException::class.java) {
            MeasurementLoop(BenchmarkOptions(), clock, NoHeat).run({ error("no") }, { false }, log)
        }
    }

    private fun taking(millis: Int): () -> Unit = { clock.now += millis * 1_000_000L }

    private fun slower(): () -> Unit {
        var millis = 0
        return { clock.now += ++millis * 1_000_000L }
    }

    private class FakeClock : Clock {
        var now = 123L

        override fun nanos() = now

        override fun sleep(millis: Long) {
            now += millis * 1_000_000L
        }
    }

    private object NoHeat : Heat {
        override fun headroom(): Double? = null

        override fun status(): Int? = null
    }

    /** Gives one value after the other, and then the last one. */
    private class FakeHeat(
        private vararg val values: Double,
    ) : Heat {
        private var index = 0

        override fun headroom() = values[minOf(index++, values.size - 1)]

        override fun status() = 3
    }

    private class Log : MeasurementListener {
        val lines = mutableListOf<String>()

        override fun onProgress(
            done: Int,
            total: Int,
        ) {
            lines += "$done/$total"
        }

        override fun onWaiting(
            headroom: Double,
            limit: Double,
        ) {
            lines += "$headroom > $limit"
        }
    }
}
