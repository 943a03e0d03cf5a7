package org.kerasmobilevit.benchmark.engine

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.float
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonPrimitive
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.junit.runner.RunWith
import org.kerasmobilevit.benchmark.TestFiles
import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.ModelFile
import org.kerasmobilevit.core.Prediction
import org.kerasmobilevit.core.SelfTest
import org.kerasmobilevit.core.SelfTestResult
import org.kerasmobilevit.core.TensorData
import org.kerasmobilevit.core.Verdict
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Real inference, through the app's own code, in the desktop's LiteRT. */
@RunWith(RobolectricTestRunner::class)
class LiteRtModelTest {
    private fun selfTestOutputs(
        file: File,
        threads: Int,
    ): List<TensorData> {
        val model = ModelFile.read(file)
        return LiteRtModel.open(file, model, AcceleratorChoice.CPU, threads).use {
            it.write(SelfTest.input(model.info.image, model.input))
            it.infer()
            it.outputs()
        }
    }

    private fun selfTest(file: File): SelfTestResult {
        val model = ModelFile.read(file)
        val outputs = model.outputs.zip(selfTestOutputs(file, 1))
        return SelfTest.check(
            model.info,
            outputs.associate { (spec, data) -> spec.name to (spec to data) },
        )!!
    }

    @Test
    fun `int8 outputs are those of Python to the bit, with 1 and 2 threads`() {
        for (threads in listOf(1, 2)) {
            val (output) = selfTestOutputs(TestFiles.int8Full, threads)
            assertArrayEquals(
                TestFiles.output(TestFiles.int8Full),
                (output as TensorData.Bytes).values,
            )
        }
    }

    @Test
    fun `float outputs are those of Python to the bit, with 1 and 2 threads`() {
        for (file in listOf(TestFiles.float32, TestFiles.int8)) {
            for (threads in listOf(1, 2)) {
                val (output) = selfTestOutputs(file, threads)
                val values = (output as TensorData.Floats).values
                val bytes = ByteBuffer.allocate(4 * values.size).order(ByteOrder.LITTLE_ENDIAN)
                values.forEach(bytes::putFloat)
                assertArrayEquals(TestFiles.output(file), bytes.array())
            }
        }
    }

    @Test
    fun `the self-test passes, and notices one other weight`() {
        for (file in listOf(TestFiles.float32, TestFiles.int8, TestFiles.int8Full)) {
            assertEquals(file.name, Verdict.IDENTICAL, selfTest(file).verdict)
        }
        assertEquals(false, selfTest(TestFiles.altered).passed)
    }

    @Test
    fun `a photo has the same top 5 as in Python, to the bit`() {
        val facts = DeviceFacts(RuntimeEnvironment.getApplication())
        val models = listOf(TestFiles.float32, TestFiles.int8)
        val outputs = PhotoJob(facts).run(PhotoRequest(models, TestFiles.photo)) { false }
        val file = File.createTempFile("outputs", "")
        PhotoFiles.write(file, outputs)
        for ((model, result) in models.zip(PhotoFiles.read(file))) {
            val expected =
                Json.parseToJsonElement(TestFiles.top(model)).jsonArray.map { it.jsonArray }
            val ranked = (result.prediction as Prediction.Classes).ranked
            assertEquals(model, result.model)
            assertEquals(
                expected.map { it[0].jsonPrimitive.content to it[1].jsonPrimitive.float },
                ranked.take(5).map { it.label to it.score.toFloat() },
            )
        }
    }

    @Test
    fun `a missing GPU is a failure, not a run on the CPU`() {
        val error =
            assertThrows(FailureException::class.java) {
                val model = ModelFile.read(TestFiles.int8)
                LiteRtModel.open(TestFiles.int8, model, AcceleratorChoice.GPU, 1)
            }
        assertEquals(FailureKind.ACCELERATOR_MISSING, error.failure.kind)
        assertEquals("Measure on the CPU.", error.failure.advice)
    }

    @Test
    fun `a graph that the runtime refuses is a failure`() {
        val error =
            assertThrows(FailureException::class.java) {
                val model = ModelFile.read(TestFiles.int8)
                LiteRtModel.open(TestFiles.photo, model, AcceleratorChoice.CPU, 1)
            }
        assertEquals(FailureKind.DAMAGED, error.failure.kind)
    }

    @Test
    fun `values for another tensor are an error`() {
        val model = ModelFile.read(TestFiles.int8)
        LiteRtModel.open(TestFiles.int8, model, AcceleratorChoice.CPU, 1).use {
            assertThrows(IllegalArgumentException::class.java) {
                it.write(TensorData.Floats(FloatArray(3)))
            }
        }
    }
}
