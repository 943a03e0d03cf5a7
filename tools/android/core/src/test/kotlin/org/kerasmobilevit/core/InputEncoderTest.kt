package org.kerasmobilevit.core

import kotlinx.serialization.json.jsonObject
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

class InputEncoderTest {
    private val picture = RgbImage(WIDTH, HEIGHT, Fixtures.bytes("inputs/picture.rgb"))

    @Test
    fun tensorsAreThoseOfPython() {
        val cases = Fixtures.cases("inputs/cases.json")
        assertEquals(16, cases.size)
        for (case in cases) {
            val spec = imageSpec(case.getValue("image").jsonObject)
            val tensor = tensorSpec(case, listOf(1, HEIGHT, WIDTH, case.int("channels")))
            assertArrayEquals(
                case.toString(),
                Fixtures.bytes("inputs/" + case.text("values")),
                InputEncoder.encode(picture, spec, tensor).toLittleEndian(tensor),
            )
            assertArrayEquals(
                case.toString(),
                Fixtures.bytes("inputs/" + case.text("self_test")),
                SelfTest.input(spec, tensor).toLittleEndian(tensor),
            )
        }
    }

    @Test
    fun selfTestFollowsItsFormula() {
        for ((height, width, channels) in SHAPES) {
            assertArrayEquals(
                Fixtures.bytes("inputs/self_test_${height}x${width}x$channels.rgb"),
                SelfTest.pixels(height, width, channels),
            )
        }
    }

    @Test
    fun tensorsThatTakeNoPixelsAreRefused() {
        val shape = listOf(1, HEIGHT, WIDTH, 3)
        for (tensor in listOf(
            // Ends at 1.
            TensorSpec("image", DType.INT8, shape, 1 / 255f, -128),
            TensorSpec("image", DType.INT64, shape),
            TensorSpec("image", DType.FLOAT32, listOf(1, HEIGHT, WIDTH, 2)),
        )) {
            assertThrows(ModelFileException::class.java) {
                InputEncoder.encode(picture, ImageSpec(), tensor)
            }
        }
        assertThrows(ModelFileException::class.java) {
            val spec = ImageSpec(scale = listOf(1.0, 0.5))
            InputEncoder.encode(picture, spec, TensorSpec("image", DType.FLOAT32, shape))
        }
        assertThrows(IllegalArgumentException::class.java) {
            val other = TensorSpec("image", DType.FLOAT32, listOf(1, WIDTH, HEIGHT, 3))
            InputEncoder.encode(picture, ImageSpec(), other)
        }
    }

    private companion object {
        const val HEIGHT = 33
        const val WIDTH = 29
        val SHAPES =
            listOf(
                listOf(5, 7, 3),
                listOf(96, 96, 3),
                listOf(33, 64, 1),
                listOf(1, 1, 4),
                listOf(320, 511, 3),
            )
    }
}
