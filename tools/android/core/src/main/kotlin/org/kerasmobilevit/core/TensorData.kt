package org.kerasmobilevit.core

/** The values of a tensor in row-major order, as the runtime takes and gives them. */
sealed interface TensorData {
    /** Number of values. */
    val size: Int

    /** Values of a `float32` tensor. */
    class Floats(
        val values: FloatArray,
    ) : TensorData {
        override val size get() = values.size
    }

    /** Values of an `int8` tensor, or the bit patterns of a `uint8` tensor. */
    class Bytes(
        val values: ByteArray,
    ) : TensorData {
        override val size get() = values.size
    }

    /** Values of an `int32` or `int16` tensor. */
    class Ints(
        val values: IntArray,
    ) : TensorData {
        override val size get() = values.size
    }

    /** Values of an `int64` tensor. */
    class Longs(
        val values: LongArray,
    ) : TensorData {
        override val size get() = values.size
    }

    /** Values of a `bool` tensor. */
    class Booleans(
        val values: BooleanArray,
    ) : TensorData {
        override val size get() = values.size
    }
}

/**
 * The numbers that quantized values stand for: `scale * (value - zeroPoint)` in single precision.
 * Without a scale they are the values themselves.
 *
 * @throws IllegalArgumentException if the values are not of the type and size of the tensor.
 */
fun TensorData.dequantized(spec: TensorSpec): FloatArray = TODO()
