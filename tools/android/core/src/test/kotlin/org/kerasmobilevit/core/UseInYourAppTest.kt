package org.kerasmobilevit.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File

/** The snippet of README.md, compiled and run; [Runtime] stands for LiteRT's `CompiledModel`. */
class UseInYourAppTest {
    interface Runtime {
        fun run(input: TensorData): List<TensorData>
    }

    // README: from here

    /** What a model says of a picture, upright as the user sees it. */
    fun predict(
        file: File,
        argb: IntArray,
        width: Int,
        height: Int,
        runtime: Runtime,
    ): Prediction {
        val model = ModelFile.read(file)
        val picture = RgbImage.fromArgb(width, height, argb)
        val fitted = Preprocessing.fit(picture, model.height, model.width, model.info.image)
        val input = InputEncoder.encode(fitted, model.info.image, model.input)
        val outputs = runtime.run(input)
        return OutputDecoder.decode(model.info, model.outputs, outputs)
    }

    /** The result in words. */
    fun describe(prediction: Prediction): String =
        when (prediction) {
            is Prediction.Classes -> prediction.ranked.take(5).joinToString { it.label }
            is Prediction.Labels -> prediction.present.joinToString { it.label }
            is Prediction.Values -> prediction.values.joinToString { "${it.label}: ${it.value}" }
            is Prediction.Boxes -> prediction.boxes.joinToString { it.found.label }
            is Prediction.Mask -> "a mask of ${prediction.width} x ${prediction.height} pixels"
        }
    // README: to here

    @Test
    fun snippetGivesTheAnswersOfPython() {
        val golden = GoldenModel("classifier_int8")
        val picture = golden.picture
        val argb =
            IntArray(picture.width * picture.height) {
                val (red, green, blue) =
                    (0..2).map { c -> picture.pixels[3 * it + c].toInt() and 0xFF }
                (0xFF shl 24) or (red shl 16) or (green shl 8) or blue
            }
        val runtime =
            object : Runtime {
                override fun run(input: TensorData): List<TensorData> {
                    val bytes = input.toLittleEndian(golden.model.input)
                    assertTrue(bytes.contentEquals(golden.bytes("picture.input")))
                    return golden.outputs("picture")
                }
            }
        val prediction = predict(golden.file, argb, picture.width, picture.height, runtime)
        val expected = golden.predictedLabels.take(5)
        assertEquals(expected.joinToString(), describe(prediction))
    }

    @Test
    fun readmeHasThisSnippet() {
        // Maven's tests say where the module is; Gradle's run there.
        val core = File(System.getProperty("basedir") ?: "")
        val snippet =
            core
                .resolve(SOURCE)
                .readText()
                .substringAfter("// README: from here\n")
                .substringBefore("    // README: to here")
                .trimIndent()
                .trim()
        assertTrue(snippet in core.resolve("README.md").readText())
    }

    private companion object {
        const val SOURCE = "src/test/kotlin/org/kerasmobilevit/core/UseInYourAppTest.kt"
    }
}
