package org.kerasmobilevit.core

import kotlinx.serialization.json.jsonObject
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

class PreprocessingTest {
    @Test
    fun bytesAreThoseOfPillow() {
        val cases = Fixtures.cases("pictures/cases.json")
        assertEquals(22, cases.size)
        for (case in cases) {
            val (height, width) = case.ints("shape")
            val picture =
                RgbImage(width, height, Fixtures.bytes("pictures/" + case.text("picture")))
            val spec = imageSpec(case.getValue("image").jsonObject)
            val fitted = Preprocessing.fit(picture, spec.height!!, spec.width!!, spec)
            assertEquals(listOf(spec.height, spec.width), listOf(fitted.height, fitted.width))
            assertArrayEquals(
                case.toString(),
                Fixtures.bytes("pictures/" + case.text("fitted")),
                fitted.pixels,
            )
        }
    }

    @Test
    fun panoramaTakesNoMoreMemoryThanItsCrop() {
        // Scaled as a whole it would have 384 * 7,680,000 pixels.
        val strip = RgbImage(20_000, 1, ByteArray(60_000) { it.toByte() })
        val fitted = Preprocessing.fit(strip, 384, 384, ImageSpec())
        assertEquals(3 * 384 * 384, fitted.pixels.size)
    }

    @Test
    fun otherInterpolationIsRefused() {
        val picture = RgbImage(1, 1, ByteArray(3))
        for (spec in listOf(ImageSpec(interpolation = "bicubic"), ImageSpec(antialias = false))) {
            val error =
                assertThrows(ModelFileException::class.java) {
                    Preprocessing.fit(picture, 2, 2, spec)
                }
            assertEquals(true, error.advice.isNotEmpty())
        }
    }

    @Test
    fun bitmapBecomesRgb() {
        val image = RgbImage.fromArgb(2, 1, intArrayOf(0x00FF8001, 0x7F0203FE))
        assertArrayEquals(byteArrayOf(-1, -128, 1, 2, 3, -2), image.pixels)
        assertThrows(IllegalArgumentException::class.java) {
            RgbImage.fromArgb(2, 2, IntArray(3))
        }
    }
}
