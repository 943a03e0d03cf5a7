package org.kerasmobilevit.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

class CsvTest {
    @Test
    fun oneLineForEachResult() {
        val lines = Csv.of(listOf(SampleResults.document)).removeSuffix("\r\n").split("\r\n")
        assertEquals(3, lines.size)
        val cells = lines.map { it.split(",") }
        assertEquals(1, cells.map { it.size }.toSet().size)
        val full = cells[0].zip(cells[1]).toMap()
        assertEquals("Pixel 9", full["model"])
        assertEquals("2.5", full["median_ms"])
        assertEquals("199", full["delegated"])
        assertEquals("-12", full["init_footprint_kb"])
        assertEquals("identical", full["self_test"])
        assertEquals("The battery saver was on.", full["warnings"])
        val bare = cells[0].zip(cells[2]).toMap()
        for (key in listOf("delegated", "init_ms", "peak_mem_mb", "headroom_before", "self_test")) {
            assertEquals(key, "", bare[key])
        }
    }

    @Test
    fun namesCannotBecomeFormulas() {
        for (name in listOf("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx")) {
            val csv = csv(name)
            assertTrue(csv, ",'$name," in csv || ",\"'$name\"," in csv)
        }
        assertFalse("'" in csv("model=1.tflite"))
    }

    @Test
    fun quotesAndCommasAreQuoted() {
        assertTrue(",\"a,\"\"b\"\"\"," in csv("a,\"b\""))
        assertTrue(",\"a\nb\"," in csv("a\nb"))
    }

    private fun csv(file: String): String {
        val result = SampleResults.full.copy(file = file)
        return Csv.of(listOf(ResultDocument(SampleResults.phone, listOf(result))))
    }
}
