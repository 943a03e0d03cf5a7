package org.kerasmobilevit.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class BenchmarkOptionsTest {
    @Test
    fun missingArgumentsHaveTheirDefaults() {
        val options = BenchmarkOptions.parse(emptyMap())
        assertEquals(AcceleratorChoice.CPU, options.accelerator)
        assertEquals(
            listOf(null, null, null),
            options.run { listOf(threads, seconds, maxHeadroom) },
        )
        assertEquals(
            listOf(100, 10, 120, 0),
            options.run { listOf(runs, warmup, cooldownSeconds, repeat) },
        )
    }

    @Test
    fun allArgumentsArrive() {
        val options =
            BenchmarkOptions.parse(
                mapOf(
                    "accelerator" to "gpu",
                    "threads" to "4",
                    "runs" to "50",
                    "seconds" to "2.5",
                    "warmup" to "0",
                    "max_headroom" to "0.8",
                    "cooldown" to "30",
                    "repeat" to "2",
                ),
            )
        val expected = BenchmarkOptions(AcceleratorChoice.GPU, 4, 50, 2.5, 0, 0.8, 30, 2)
        assertEquals(expected, options)
    }

    @Test
    fun messagesSayWhatWasExpectedAndReceived() {
        for ((key, value) in listOf(
            "accelerator" to "npu",
            "accelerator" to "CPU",
            "threads" to "0",
            "threads" to "65",
            "threads" to "four",
            "runs" to "0",
            "runs" to "1e3",
            "runs" to "99999999999",
            "seconds" to "0",
            "seconds" to "NaN",
            "seconds" to "-1",
            "warmup" to "-1",
            "max_headroom" to "0",
            "max_headroom" to "Infinity",
            "cooldown" to "4000",
            "repeat" to "-1",
        )) {
            val error =
                assertThrows("$key=$value", IllegalArgumentException::class.java) {
                    BenchmarkOptions.parse(mapOf(key to value))
                }
            assertTrue(error.message!!, error.message!!.startsWith("`$key` must be "))
            val received = if (value.toDoubleOrNull() == null) value else "Received: "
            assertTrue(error.message!!, received in error.message!!)
        }
    }

    @Test
    fun misspeltArgumentsAreNotIgnored() {
        val error =
            assertThrows(IllegalArgumentException::class.java) {
                BenchmarkOptions.parse(mapOf("thread" to "4"))
            }
        assertTrue(error.message!!, "threads" in error.message!! && "[thread]" in error.message!!)
    }

    @Test
    fun bigCoresAreCounted() {
        // Maximum frequencies of a Snapdragon 865, a Tensor G1 and a Snapdragon 680, in MHz.
        assertEquals(4, count(1804, 1804, 1804, 1804, 2419, 2419, 2419, 2841))
        assertEquals(4, count(1803, 1803, 1803, 1803, 2253, 2253, 2802, 2802))
        assertEquals(4, count(1900, 1900, 1900, 1900, 2400, 2400, 2400, 2400))
        assertEquals(8, count(2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000))
        assertEquals(4, BigCores.count(emptyList(), cores = 8))
        assertEquals(2, BigCores.count(emptyList(), cores = 2))
        assertEquals(2, count(0, 0))
    }

    private fun count(vararg mhz: Long) = BigCores.count(mhz.map { 1000 * it })
}
