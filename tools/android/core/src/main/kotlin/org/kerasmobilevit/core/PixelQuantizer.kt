package org.kerasmobilevit.core

/**
 * Scales pixels to what the model expects, and quantizes them to the type of an input tensor.
 *
 * @param inDouble whether pixels that are not scaled are divided by the scale of the tensor in
 *   double precision, as Python does with pictures, or in single precision, as it does in the
 *   self-test.
 * @throws ModelFileException if the tensor cannot take such pixels.
 */
internal class PixelQuantizer(
    private val spec: ImageSpec,
    private val tensor: TensorSpec,
    private val inDouble: Boolean,
) {
    private val channels = tensor.shape.last()
    private val isIdentity = spec.scale.all { it == 1.0 } && spec.offset.all { it == 0.0 }
    private val limits =
        when (tensor.dtype) {
            DType.INT8 -> -128.0..127.0

            DType.UINT8 -> 0.0..255.0

            DType.INT16 -> -32768.0..32767.0

            DType.INT32 -> Int.MIN_VALUE.toDouble()..Int.MAX_VALUE.toDouble()

            DType.FLOAT32 -> null

            else -> throw unsupported(
                "Expected an input of integers or float32. Received: ${tensor.dtype.key}",
            )
        }

    init {
        for ((key, numbers) in listOf("scale" to spec.scale, "offset" to spec.offset)) {
            if (numbers.size !in setOf(1, channels)) {
                throw damaged(
                    "Expected one `image.$key`, or one for each of $channels channels. " +
                        "Received: $numbers",
                )
            }
        }
        val scale = (tensor.scale ?: 1f).toDouble()
        val highest = limits?.let { scale * (it.endInclusive - tensor.zeroPoint) }
        if (isIdentity && highest != null && highest < 128) {
            throw unsupported(
                "Expected an input that takes pixels up to 255. Received: one that ends at " +
                    "$highest, so it takes something that was made of pixels",
            )
        }
    }

    /** @param samples `height * width * channels` pixels, channels last. */
    fun quantize(samples: ByteArray): TensorData {
        // A pixel has 256 values, so each is computed once.
        val tables = List(channels) { channel -> DoubleArray(256) { value(it, channel) } }

        fun at(index: Int) = tables[index % channels][samples[index].toInt() and 0xFF]
        return when (tensor.dtype) {
            DType.FLOAT32 -> {
                TensorData.Floats(FloatArray(samples.size) { at(it).toFloat() })
            }

            DType.INT8, DType.UINT8 -> {
                TensorData.Bytes(ByteArray(samples.size) { at(it).toInt().toByte() })
            }

            else -> {
                TensorData.Ints(IntArray(samples.size) { at(it).toInt() })
            }
        }
    }

    private fun value(
        pixel: Int,
        channel: Int,
    ): Double {
        var input = pixel.toFloat()
        if (!isIdentity) {
            input = input * of(spec.scale, channel) + of(spec.offset, channel)
        }
        if (limits == null) return input.toDouble()
        val scale = tensor.scale ?: 1f
        val steps =
            if (isIdentity && inDouble) pixel / scale.toDouble() else (input / scale).toDouble()
        return (Math.rint(steps) + tensor.zeroPoint).coerceIn(limits)
    }

    private fun of(
        numbers: List<Double>,
        channel: Int,
    ): Float = (if (numbers.size == 1) numbers[0] else numbers[channel]).toFloat()
}
