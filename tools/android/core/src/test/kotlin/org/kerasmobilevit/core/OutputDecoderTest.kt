package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class OutputDecoderTest {
    @Test
    fun inputsOfFilesAreThoseOfPython() {
        for (name in GoldenModel.NAMES) {
            val golden = GoldenModel(name)
            val model = golden.model
            val fitted =
                Preprocessing.fit(golden.picture, model.height, model.width, model.info.image)
            val input = InputEncoder.encode(fitted, model.info.image, model.input)
            val expected = golden.bytes("picture.input")
            assertArrayEquals(name, expected, input.toLittleEndian(model.input))
        }
    }

    @Test
    fun classesAreThoseOfPython() {
        val names = GoldenModel.NAMES.filter { "classifier" in it || it in OTHER_CLASSIFIERS }
        assertEquals(6, names.size)
        for (name in names) {
            val expected = GoldenModel(name).facts.getValue("prediction").jsonArray
            val ranked = (decode(name) as Prediction.Classes).ranked
            assertScoresEqual(name, expected, ranked)
        }
    }

    @Test
    fun boxesAreThoseOfPython() {
        val names = GoldenModel.NAMES.filter { "nms" in it || "raw" in it }
        assertEquals(4, names.size)
        for (name in names) {
            val golden = GoldenModel(name)
            val (height, width) = golden.facts.ints("picture_shape")
            val expected = golden.facts.objects("prediction")
            val boxes = (decode(name) as Prediction.Boxes).boxes
            assertTrue("$name: ${boxes.size}", boxes.size >= 3)
            assertEquals(name, expected.map { it.text("label") }, boxes.map { it.found.label })
            for ((box, other) in boxes.zip(expected)) {
                assertEquals(other.double("score"), box.found.score, 1e-6)
                val pixels =
                    listOf(
                        box.left * width,
                        box.top * height,
                        box.right * width,
                        box.bottom * height,
                    )
                for ((side, exact) in pixels.zip(other.doubles("box"))) {
                    assertEquals(name, exact, side.toDouble(), 1e-4)
                }
            }
        }
    }

    @Test
    fun masksAreThoseOfPython() {
        val names = GoldenModel.NAMES.filter { "logits" in it || "mask" in it }
        assertEquals(5, names.size)
        for (name in names) {
            val golden = GoldenModel(name)
            val mask = decode(name) as Prediction.Mask
            val size = listOf(golden.model.height, golden.model.width)
            assertEquals(size, listOf(mask.height, mask.width))
            val expected = golden.bytes("mask").map { it.toInt() and 0xFF }
            assertTrue(expected.toSet().size > 2)
            assertEquals(name, expected, mask.classes.toList())
        }
    }

    @Test
    fun numbersOfClassifiersMeanWhatPythonSays() {
        val cases = Fixtures.cases("outputs/classifiers.json")
        assertEquals(15, cases.size)
        for (case in cases) {
            val problemType = ProblemType.entries.find { it.key == case["problem_type"].orNull() }
            val kind = OutputKind.entries.find { it.key == case["kind"].orNull() }
            val info =
                ModelInfo(labels = case.texts("labels"), output = OutputSpec(kind, problemType))
            val numbers = case.doubles("outputs").map { it.toFloat() }.toFloatArray()
            val expected = case.getValue("results").jsonArray
            when (val prediction = decode(info, numbers)) {
                is Prediction.Classes -> {
                    assertScoresEqual("$case", expected, prediction.ranked)
                }

                is Prediction.Labels -> {
                    assertScoresEqual("$case", expected, prediction.present)
                    val all = prediction.ranked.sortedBy { it.outputClass }.map { it.score }
                    for ((score, exact) in all.zip(case.doubles("all"))) {
                        assertEquals(exact, score, 1e-12)
                    }
                }

                is Prediction.Values -> {
                    val pairs = prediction.values.map { listOf(it.label, it.value.toString()) }
                    assertEquals(expected.map { pair -> pair.jsonArray.map { it.orNull() } }, pairs)
                }

                else -> {
                    throw AssertionError("$prediction")
                }
            }
        }
    }

    @Test
    fun outputsThatDoNotFitAreRefused() {
        val two = floatArrayOf(0.5f, 0.5f)
        val detector = ModelInfo(task = Task.DETECTION)
        val segmenter = ModelInfo(task = Task.SEGMENTATION)
        for (info in listOf(
            ModelInfo(labels = listOf("one", "two", "three")),
            detector,
            detector.copy(output = OutputSpec(OutputKind.BOXES)),
            detector.copy(output = OutputSpec(OutputKind.ANCHORS)),
            segmenter,
            segmenter.copy(output = OutputSpec(OutputKind.MASK)),
            segmenter.copy(output = OutputSpec(OutputKind.LOGITS)),
        )) {
            assertThrows("$info", ModelFileException::class.java) { decode(info, two) }
        }
        assertThrows(ModelFileException::class.java) {
            val output = TensorSpec("a", DType.FLOAT32, listOf(1, 2))
            val data = TensorData.Floats(two)
            OutputDecoder.decode(ModelInfo(), listOf(output, output), listOf(data, data))
        }
    }

    @Test
    fun brokenNumbersAreNoCrash() {
        val broken = FloatArray(3) { Float.NaN }
        val classes = decode(ModelInfo(), broken) as Prediction.Classes
        assertTrue(classes.ranked.all { it.score.isNaN() })
        for (name in listOf("raw_int8", "nms_float32", "logits_int8")) {
            val model = GoldenModel(name).model
            for (value in listOf(Float.NaN, Float.POSITIVE_INFINITY, -1e30f)) {
                val data = model.outputs.map { TensorData.Floats(FloatArray(it.size) { value }) }
                OutputDecoder.decode(model.info, model.outputs, data)
            }
        }
    }

    private fun decode(name: String): Prediction {
        val golden = GoldenModel(name)
        val model = golden.model
        return OutputDecoder.decode(model.info, model.outputs, golden.outputs("picture"))
    }

    private fun decode(
        info: ModelInfo,
        numbers: FloatArray,
    ): Prediction {
        val output = TensorSpec("output", DType.FLOAT32, listOf(1, numbers.size))
        return OutputDecoder.decode(info, listOf(output), listOf(TensorData.Floats(numbers)))
    }

    private fun assertScoresEqual(
        name: String,
        expected: JsonArray,
        actual: List<Scored>,
    ) {
        val pairs = expected.map { it.jsonArray }
        assertEquals(name, pairs.map { it[0].orNull() }, actual.map { it.label })
        for ((pair, scored) in pairs.zip(actual)) {
            assertEquals(name, pair[1].jsonPrimitive.content.toDouble(), scored.score, 1e-12)
        }
    }

    private companion object {
        val OTHER_CLASSIFIERS = setOf("altered", "tiny_int8_full")
    }
}
