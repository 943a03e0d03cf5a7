package org.kerasmobilevit.core

import kotlin.math.floor

/** From class ids or scores of the cells of a map to the class of each pixel of the input. */
internal class MaskDecoder(
    private val info: ModelInfo,
) {
    fun decode(output: Output): Prediction.Mask =
        when (info.output.kind) {
            OutputKind.MASK -> ids(output)

            OutputKind.LOGITS, OutputKind.PROBABILITIES -> largest(output)

            else -> throw unsupported(
                "Expected a mask, logits or probabilities. Received: ${info.output.kind?.key}",
            )
        }

    private fun ids(output: Output): Prediction.Mask {
        val shape = output.shape
        if (shape.size !in 2..3 || shape.getOrElse(2) { 1 } != 1) {
            throw unsupported("Expected a mask (1, height, width). Received: ${output.spec.shape}")
        }
        val ids = IntArray(output.values.size) { output.values[it].toInt() }
        return Prediction.Mask(shape[0], shape[1], ids)
    }

    /** Interpolates the scores, and takes the class of the largest. */
    private fun largest(output: Output): Prediction.Mask {
        if (output.shape.size != 3) {
            throw unsupported(
                "Expected scores (1, rows, columns, classes). Received: ${output.spec.shape}",
            )
        }
        val (rows, columns, classes) = output.shape
        val height = info.image.height ?: rows
        val width = info.image.width ?: columns
        val down = Interpolation(rows, height)
        val across = Interpolation(columns, width)
        // Each row of the map as wide as the mask, two at a time.
        val wide = HashMap<Int, FloatArray>()

        fun widened(row: Int) =
            wide.getOrPut(row) {
                val start = row * columns * classes
                FloatArray(width * classes) {
                    across.between(it / classes) { column ->
                        output.values[start + column * classes + it % classes]
                    }
                }
            }
        val mask = IntArray(height * width)
        for (y in 0 until height) {
            val (first, second) = widened(down.low[y]) to widened(down.high[y])
            wide.keys.retainAll(setOf(down.low[y], down.high[y]))
            for (x in 0 until width) {
                var best = Float.NEGATIVE_INFINITY
                for (c in 0 until classes) {
                    val at = x * classes + c
                    val score = down.between(y) { if (it == down.low[y]) first[at] else second[at] }
                    if (score > best) {
                        best = score
                        mask[y * width + x] = c
                    }
                }
            }
        }
        return Prediction.Mask(height, width, mask)
    }

    /** Samples of a line in between those of another; the centres of pixels lie at the half. */
    private class Interpolation(
        source: Int,
        target: Int,
    ) {
        private val at =
            DoubleArray(target) {
                ((it + 0.5) * source / target - 0.5).coerceIn(0.0, source - 1.0)
            }
        val low = IntArray(target) { floor(at[it]).toInt() }
        val high = IntArray(target) { minOf(low[it] + 1, source - 1) }
        private val weight = FloatArray(target) { (at[it] - low[it]).toFloat() }

        inline fun between(
            index: Int,
            sample: (Int) -> Float,
        ): Float {
            val first = sample(low[index])
            return first + weight[index] * (sample(high[index]) - first)
        }
    }
}
