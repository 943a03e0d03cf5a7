package org.kerasmobilevit.core

import kotlin.math.abs

/**
 * Bilinear resampling with antialiasing, to the bit as Pillow does it.
 *
 * Two passes, across and down, each rounded to 8 bits; the weights of a triangle that is as wide as
 * the reduction asks for, in fixed point. Source: `libImaging/Resample.c` of Pillow 13; older
 * versions never begin with the pass down, and may be one off in tall pictures.
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
        // As Pillow 13 chooses, for speed: rounding in between makes a difference.
        val removedRows = image.height - height
        if (removedRows > 0 && removedRows > 2 * (image.width - width)) {
            return across(down(image, rows, 0), columns, 0, cropHeight)
        }
        val firstRow = rows.first.min()
        val rowCount = rows.first.indices.maxOf { rows.first[it] + rows.count(it) } - firstRow
        return down(across(image, columns, firstRow, rowCount), rows, firstRow)
    }

    /** Resizes some rows of a picture in width. */
    private fun across(
        image: RgbImage,
        columns: Weights,
        firstRow: Int,
        rowCount: Int,
    ): RgbImage {
        val width = columns.first.size
        val result = ByteArray(CHANNELS * width * rowCount)
        var target = 0
        for (row in firstRow until firstRow + rowCount) {
            val source = CHANNELS * image.width * row
            for (column in 0 until width) {
                val at = source + CHANNELS * columns.first[column]
                for (channel in 0 until CHANNELS) {
                    result[target++] = columns.sum(column, image.pixels, at + channel, CHANNELS)
                }
            }
        }
        return RgbImage(width, rowCount, result)
    }

    /** Resizes a picture in height, of which the rows in front of `firstRow` are missing. */
    private fun down(
        image: RgbImage,
        rows: Weights,
        firstRow: Int,
    ): RgbImage {
        val height = rows.first.size
        val stride = CHANNELS * image.width
        val result = ByteArray(stride * height)
        for (row in 0 until height) {
            val source = stride * (rows.first[row] - firstRow)
            for (column in 0 until stride) {
                result[stride * row + column] =
                    rows.sum(row, image.pixels, source + column, stride)
            }
        }
        return RgbImage(image.width, height, result)
    }

    /**
     * Which samples of a line make each sample of the result.
     *
     * @property first the first of them.
     * @property weights of it and of those behind it, in fixed point.
     */
    private class Weights(
        val first: IntArray,
        private val weights: Array<IntArray>,
    ) {
        /** How many samples make the one of an index. */
        fun count(index: Int) = weights[index].size

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
                    return Weights(first, Array(wanted) { one })
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
                return Weights(first, weights)
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
