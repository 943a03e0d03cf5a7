package org.kerasmobilevit.core

/**
 * A decoded picture, upright.
 *
 * @property width in pixels, at least 1.
 * @property height in pixels, at least 1.
 * @property pixels red, green and blue of each pixel, row by row: `3 * width * height` bytes, each
 *   an unsigned number from 0 to 255.
 */
class RgbImage(
    val width: Int,
    val height: Int,
    val pixels: ByteArray,
) {
    init {
        require(width > 0 && height > 0 && pixels.size.toLong() == 3L * width * height) {
            "Expected 3 * width * height bytes of RGB. Received: ${pixels.size} bytes for " +
                "$width x $height pixels"
        }
    }

    companion object {
        /**
         * Takes the pixels of an Android `Bitmap`.
         *
         * @param argb `0xAARRGGBB` of each pixel, row by row; the transparency is dropped.
         */
        fun fromArgb(
            width: Int,
            height: Int,
            argb: IntArray,
        ): RgbImage {
            val pixels = ByteArray(3 * argb.size)
            argb.forEachIndexed { index, pixel ->
                pixels[3 * index] = (pixel shr 16).toByte()
                pixels[3 * index + 1] = (pixel shr 8).toByte()
                pixels[3 * index + 2] = pixel.toByte()
            }
            return RgbImage(width, height, pixels)
        }
    }
}
