package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonObject
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class SelfTestTest {
    @Test
    fun verdictsOfFilesAreThoseOfPython() {
        val names = GoldenModel.NAMES.filter { "self_test" in GoldenModel(it).facts }
        assertEquals(9, names.size)
        for (name in names) {
            val golden = GoldenModel(name)
            val model = golden.model
            val input = SelfTest.input(model.info.image, model.input)
            val expectedInput = golden.bytes("self_test.input")
            assertArrayEquals(name, expectedInput, input.toLittleEndian(model.input))
            val result =
                SelfTest.check(
                    model.info,
                    model.outputs.zip(golden.outputs("self_test")).associateBy { it.first.name },
                )!!
            val expected = golden.facts.getValue("self_test").jsonObject
            assertEquals(name, expected.text("verdict"), result.verdict.key)
            assertEquals(name, expected.text("expected"), result.expected.key)
            assertEquals(name, expected.flag("passed"), result.passed)
            assertEquals(name, expected.text("runtime"), result.runtime)
            for ((output, check) in result.outputs) {
                val record =
                    expected
                        .getValue("outputs")
                        .jsonObject
                        .getValue(output)
                        .jsonObject
                assertEquals(record.text("verdict"), check.verdict.key)
                assertEquals(record.double("sqnr"), check.sqnrDb, 1e-9)
                assertEquals(record.double("least_sqnr"), check.leastSqnrDb, 0.0)
                assertEquals(record.text("covers"), check.covers)
            }
        }
    }

    @Test
    fun oneAlteredWeightIsNoticed() {
        assertEquals("different", facts("altered").text("verdict"))
        assertEquals("identical", facts("classifier_int8").text("verdict"))
    }

    @Test
    fun filesOfVersionOneHaveNone() {
        val model = GoldenModel("v1_classifier_int8").model
        assertNull(SelfTest.check(model.info, emptyMap()))
    }

    @Test
    fun verdictsOfOutputsAreThoseOfPython() {
        val cases = Fixtures.cases("self_tests/cases.json")
        assertEquals(35, cases.size)
        assertEquals(3, cases.map { it.text("verdict") }.toSet().size)
        for (case in cases) {
            val tensor = TensorSpec("output", dtype(case.text("dtype")), case.ints("shape"))
            val values = Fixtures.tensor("self_tests/" + case.text("actual"), tensor.dtype)
            val check = check(case, tensor, values).outputs.values.single()
            assertEquals(case.text("name"), case.text("verdict"), check.verdict.key)
            assertEquals(case.text("name"), case.double("sqnr_db"), check.sqnrDb, 1e-9)
            assertEquals(case.text("covers"), check.covers)
        }
    }

    @Test
    fun damagedRecordsAreRefused() {
        val tensor = TensorSpec("output", DType.FLOAT32, listOf(1, 4))
        val values = TensorData.Floats(floatArrayOf(0f, 1f, 2f, 3f))
        val cases = Fixtures.cases("self_tests/refused.json")
        assertEquals(15, cases.size)
        for (case in cases) {
            val error =
                assertThrows(case.text("name"), ModelFileException::class.java) {
                    check(case, tensor, values)
                }
            assertTrue(error.message!!, "self-test" in error.message!!)
            // Known without outputs, too.
            assertThrows(case.text("name"), ModelFileException::class.java) {
                SelfTest.validate(info(case), listOf(tensor))
            }
        }
    }

    @Test
    fun otherOutputsThanRecordedAreRefused() {
        val model = GoldenModel("classifier_int8").model
        assertThrows(ModelFileException::class.java) { SelfTest.check(model.info, emptyMap()) }
        assertThrows(ModelFileException::class.java) { SelfTest.validate(model.info, emptyList()) }
    }

    @Test
    fun recordsOfWholeFilesAreValid() {
        for (name in GoldenModel.NAMES) {
            val model = GoldenModel(name).model
            SelfTest.validate(model.info, model.outputs)
        }
    }

    private fun facts(name: String) = GoldenModel(name).facts.getValue("self_test").jsonObject

    private fun check(
        case: JsonObject,
        tensor: TensorSpec,
        values: TensorData,
    ): SelfTestResult = SelfTest.check(info(case), mapOf("output" to (tensor to values)))!!

    private fun info(case: JsonObject): ModelInfo {
        val test =
            mapOf(
                "expected" to JsonPrimitive("within"),
                "outputs" to JsonObject(mapOf("output" to case.getValue("record"))),
            )
        return ModelInfo(selfTest = JsonObject(test))
    }
}
