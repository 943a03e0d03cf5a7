package org.kerasmobilevit.core

/**
 * Type of the numbers in a tensor.
 *
 * @property key NumPy's name of the type, which the self-test uses too.
 * @property bytes size of one number.
 */
enum class DType(
    val key: String,
    val bytes: Int,
) {
    FLOAT32("float32", 4),
    INT8("int8", 1),
    UINT8("uint8", 1),
    INT16("int16", 2),
    INT32("int32", 4),
    INT64("int64", 8),
    BOOL("bool", 1),
}

/**
 * An input or output of a model.
 *
 * @property name its name in the signature, or of the tensor where there is no signature.
 * @property dtype type of its numbers.
 * @property shape sides, the batch of 1 included; each at least 1.
 * @property scale scale of a quantized tensor, above 0; null if it is not quantized.
 * @property zeroPoint integer that stands for zero; 0 if it is not quantized.
 */
data class TensorSpec(
    val name: String,
    val dtype: DType,
    val shape: List<Int>,
    val scale: Float? = null,
    val zeroPoint: Int = 0,
) {
    /** Number of values. */
    val size: Int get() = shape.fold(1, Int::times)
}
