package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

class ModelInfoTest {
    @Test
    fun descriptionsAreReadAsInPython() {
        val cases = Fixtures.cases("descriptions.json")
        val accepted = cases.count { it["info"] !is JsonNull }
        assertEquals(listOf(79, 21), listOf(cases.size, accepted))
        for (case in cases) {
            val expected = case["info"] as? JsonObject
            if (expected == null) {
                val error =
                    assertThrows(case.text("text").take(100), ModelFileException::class.java) {
                        ModelInfo.fromJson(case.text("text"))
                    }
                assertEquals(true, error.advice.isNotEmpty())
                assertEquals(true, error.message!!.length < 1000)
            } else {
                assertInfoEquals(expected, ModelInfo.fromJson(case.text("text")))
            }
        }
    }

    @Test
    fun newerSchemaSaysThatTheAppIsTooOld() {
        val error =
            assertThrows(ModelFileException::class.java) {
                ModelInfo.fromJson("""{"schema_version": 3}""")
            }
        assertEquals(true, "Update this app" in error.advice)
        assertEquals(ModelFileProblem.UNSUPPORTED, error.problem)
    }

    @Test
    fun labelsBeginWhereTheOffsetSays() {
        val detector =
            ModelInfo(labels = listOf("cat", "dog"), output = OutputSpec(labelOffset = 1))
        assertEquals("background", detector.label(0))
        assertEquals("dog", detector.label(2))
        assertEquals("3", detector.label(3))
        assertEquals("cat", detector.copy(output = OutputSpec()).label(0))
        assertEquals("0", ModelInfo().label(0))
    }
}
