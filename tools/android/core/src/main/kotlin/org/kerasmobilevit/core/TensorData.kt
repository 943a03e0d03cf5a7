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
fun TensorData.dequantized(spec: TensorSpec): FloatArray {
    val numbers = numbers(spec)
    if (this is TensorData.Floats) return values
    val scale = spec.scale ?: return FloatArray(size) { numbers(it).toFloat() }
    return FloatArray(size) { scale * (numbers(it).toFloat() - spec.zeroPoint) }
}

/** The values as numbers, by their index; nothing is dequantized. */
internal fun TensorData.numbers(spec: TensorSpec): (Int) -> Number {
    require(size == spec.size) {
        "Expected ${spec.size} values of '${spec.name}'. Received: $size"
    }
    return when (this) {
        is TensorData.Floats if spec.dtype == DType.FLOAT32 -> {
            { values[it] }
        }

        is TensorData.Bytes if spec.dtype == DType.INT8 -> {
            { values[it] }
        }

        is TensorData.Bytes if spec.dtype == DType.UINT8 -> {
            { values[it].toInt() and 0xFF }
        }

        is TensorData.Ints if spec.dtype == DType.INT32 || spec.dtype == DType.INT16 -> {
            { values[it] }
        }

        is TensorData.Longs if spec.dtype == DType.INT64 -> {
            { values[it] }
        }

        is TensorData.Booleans if spec.dtype == DType.BOOL -> {
            { if (values[it]) 1 else 0 }
        }

        else -> {
            throw IllegalArgumentException(
                "Expected values of '${spec.name}' for ${spec.dtype.key}. Received: " +
                    this::class.simpleName,
            )
        }
    }
}

/** The values as the tensor has them in memory, little-endian. */
internal fun TensorData.toLittleEndian(spec: TensorSpec): ByteArray {
    val numbers = numbers(spec)
    val buffer = ByteArray(size * spec.dtype.bytes).littleEndian()
    repeat(size) {
        val number = numbers(it)
        when (spec.dtype) {
            DType.FLOAT32 -> buffer.putFloat(number.toFloat())
            DType.INT8, DType.UINT8, DType.BOOL -> buffer.put(number.toByte())
            DType.INT16 -> buffer.putShort(number.toShort())
            DType.INT32 -> buffer.putInt(number.toInt())
            DType.INT64 -> buffer.putLong(number.toLong())
        }
    }
    return buffer.array()
}
