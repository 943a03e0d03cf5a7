package org.kerasmobilevit.core

import kotlin.math.abs

/**
 * Bilinear resampling with antialiasing, to the bit as Pillow does it.
 *
 * Two passes, across and down, each rounded to 8 bits; the weights of a triangle that is as wide as
 * the reduction asks for, in fixed point. Source: `libImaging/Resample.c` of Pillow.
 */
internal object PillowResize {
    // 32 bits, less 8 of the pixel and 2 for sums that overshoot.
    private const val PRECISION_BITS = 32 - 8 - 2
    private const val CHANNELS = 3

    /**
     * Resizes a picture, and crops the result.
     *
     * @param width of the whole result.
     * @param height of the whole result.
     * @param left first column that is wanted.
     * @param top first row that is wanted.
     * @param cropWidth number of columns that are wanted.
     * @param cropHeight number of rows that are wanted.
     */
    fun resize(
        image: RgbImage,
        width: Int,
        height: Int,
        left: Int = 0,
        top: Int = 0,
        cropWidth: Int = width,
        cropHeight: Int = height,
    ): RgbImage {
        val columns = Weights.of(image.width, width, left, cropWidth)
        val rows = Weights.of(image.height, height, top, cropHeight)
        val firstRow = rows.first.min()
        val rowCount = rows.first.indices.maxOf { rows.first[it] + rows.count[it] } - firstRow
        val across = ByteArray(CHANNELS * cropWidth * rowCount)
        for (row in 0 until rowCount) {
            val source = CHANNELS * image.width * (firstRow + row)
            val target = CHANNELS * cropWidth * row
            for (column in 0 until cropWidth) {
                val at = source + CHANNELS * columns.first[column]
                for (channel in 0 until CHANNELS) {
                    across[target + CHANNELS * column + channel] =
                        columns.sum(column, image.pixels, at + channel, CHANNELS)
                }
            }
        }
        val stride = CHANNELS * cropWidth
        val down = ByteArray(stride * cropHeight)
        for (row in 0 until cropHeight) {
            val source = stride * (rows.first[row] - firstRow)
            for (column in 0 until stride) {
                down[stride * row + column] = rows.sum(row, across, source + column, stride)
            }
        }
        return RgbImage(cropWidth, cropHeight, down)
    }

    /**
     * Which samples of a line make each sample of the result.
     *
     * @property first the first of them.
     * @property count how many.
     */
    private class Weights(
        val first: IntArray,
        val count: IntArray,
        private val weights: Array<IntArray>,
    ) {
        fun sum(
            index: Int,
            samples: ByteArray,
            start: Int,
            step: Int,
        ): Byte {
            var sum = 1 shl (PRECISION_BITS - 1)
            var at = start
            for (weight in weights[index]) {
                sum += (samples[at].toInt() and 0xFF) * weight
                at += step
            }
            return (sum shr PRECISION_BITS).coerceIn(0, 255).toByte()
        }

        companion object {
            /** Of the samples from `from` on, `wanted` in number, of a result of `target`. */
            fun of(
                source: Int,
                target: Int,
                from: Int,
                wanted: Int,
            ): Weights {
                if (source == target) {
                    val first = IntArray(wanted) { from + it }
                    val one = intArrayOf(1 shl PRECISION_BITS)
                    return Weights(first, IntArray(wanted) { 1 }, Array(wanted) { one })
                }
                val scale = source.toDouble() / target
                // The triangle reaches one sample of the result to each side, or of the source if
                // that is enlarged.
                val reach = maxOf(scale, 1.0)
                val first = IntArray(wanted)
                val weights =
                    Array(wanted) { index ->
                        val center = (from + index + 0.5) * scale
                        val low = maxOf((center - reach + 0.5).toInt(), 0)
                        val high = minOf((center + reach + 0.5).toInt(), source)
                        first[index] = low
                        triangle(low, high, center, 1 / reach)
                    }
                return Weights(first, IntArray(wanted) { weights[it].size }, weights)
            }

            private fun triangle(
                low: Int,
                high: Int,
                center: Double,
                step: Double,
            ): IntArray {
                val shares =
                    DoubleArray(high - low) {
                        maxOf(1 - abs((it + low - center + 0.5) * step), 0.0)
                    }
                var sum = 0.0
                for (share in shares) sum += share
                return IntArray(shares.size) {
                    val share = if (sum != 0.0) shares[it] / sum else shares[it]
                    (share * (1 shl PRECISION_BITS) + 0.5).toInt()
                }
            }
        }
    }
}
