package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class ResultDocumentTest {
    private val schema =
        JsonSchema(Fixtures.json("benchmark_results.schema.json").jsonObject)
    private val full = SampleResults.full.toJson()

    @Test
    fun documentsFollowThePublishedSchema() {
        assertEquals(emptyList<String>(), schema.problems(SampleResults.document.toJson()))
    }

    @Test
    fun schemaNoticesWhatIsWrong() {
        val document = SampleResults.document.toJson()
        for ((key, value) in listOf(
            "sha256" to JsonPrimitive("0"),
            "num_threads" to JsonPrimitive(0),
            "accelerator" to JsonPrimitive("npu"),
            "samples_ms" to JsonArray(listOf(JsonPrimitive(-1))),
            "self_test" to JsonObject(emptyMap()),
        )) {
            val results = JsonArray(listOf(JsonObject(full + (key to value))))
            val problems = schema.problems(JsonObject(document + ("results" to results)))
            assertTrue("$key: $problems", problems.isNotEmpty())
        }
    }

    @Test
    fun numbersStandWhereTheSchemaHasThem() {
        val latency = full.getValue("latency_metrics").jsonObject
        assertEquals(2.5, latency.double("median_ms"), 0.0)
        assertEquals(4.35, latency.double("avg_ms"), 1e-12)
        assertEquals(31.5, latency.double("init_ms"), 0.0)
        assertEquals(9.5, latency.double("first_inference_ms"), 0.0)
        assertEquals(6.375, latency.double("average_warm_up_ms"), 0.0)
        assertEquals(
            1.096006,
            full.getValue("misc_metrics").jsonObject.double("model_size_mb"),
            0.0,
        )
        assertEquals(-12, full.getValue("memory_metrics").jsonObject.int("init_footprint_kb"))
        assertEquals("int8.tflite, 4 thread(s), cpu", full.text("name"))
        assertEquals(listOf(200, 199, 1), listOf("nodes", "delegated", "partitions").map(full::int))
    }

    @Test
    fun unknownIsNullOrMissingAndNeverZero() {
        val bare = SampleResults.bare.toJson()
        for (key in listOf("nodes", "delegated", "partitions", "build", "battery", "self_test")) {
            assertEquals(key, JsonNull, bare[key])
        }
        assertEquals(JsonObject(emptyMap()), bare["memory_metrics"])
        assertFalse("init_ms" in bare.getValue("latency_metrics").jsonObject)
        assertEquals(JsonNull, bare.getValue("thermal").jsonObject["headroom_before"])
    }

    @Test
    fun documentsAreReadAgain() {
        val document = ResultDocument.parse(SampleResults.document.toText())
        assertEquals(SampleResults.phone, document.phone)
        assertEquals(SampleResults.document.toJson(), document.toJson())
        assertEquals(SampleResults.full.delegation, document.results[0].delegation)
        assertEquals(SampleResults.full.selfTest, document.results[0].selfTest)
    }

    @Test
    fun damagedDocumentsAreRefused() {
        val text = SampleResults.document.toText()
        for (damaged in listOf(
            "",
            "[]",
            text.dropLast(1),
            text.replace("\"schema_version\":1", "\"schema_version\":2"),
            text.replace("\"kind\":\"phone\"", "\"kind\":\"host\""),
            text.replace("\"samples_ms\":[1.0]", "\"samples_ms\":[]"),
            text.replace("\"samples_ms\":[1.0]", "\"samples_ms\":[\"1.0\"]"),
            text.replace("\"num_threads\":4", "\"num_threads\":\"4\""),
            text.replace("\"accelerator\":\"gpu\"", "\"accelerator\":\"npu\""),
            text.replace("\"verdict\":\"identical\"", "\"verdict\":\"good\""),
        )) {
            assertThrows(damaged.take(200), IllegalArgumentException::class.java) {
                ResultDocument.parse(damaged)
            }
        }
    }

    @Test
    fun oddNamesStayInOneLine() {
        val result = SampleResults.full.copy(file = "a\nb\u0007\uD83D\uDE00" + "x".repeat(2000))
        val document = ResultDocument(SampleResults.phone, listOf(result))
        assertEquals(emptyList<String>(), schema.problems(document.toJson()))
    }
}
