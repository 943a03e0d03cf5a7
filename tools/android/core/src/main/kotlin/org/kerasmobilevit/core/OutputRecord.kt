package org.kerasmobilevit.core

import java.nio.ByteBuffer
import java.security.MessageDigest
import kotlin.io.encoding.Base64
import kotlin.math.ln
import kotlin.math.log10

/** What a device gave for one output, in a form that can be compared. */
internal class OutputValues private constructor(
    val dtype: DType,
    val shape: List<Int>,
    val bytes: ByteArray,
) {
    val size: Int get() = bytes.size / dtype.bytes

    /** Value of an index, as the self-test compares it. */
    fun number(index: Int): Double = number(bytes.littleEndian(), dtype, index)

    /**
     * The integers that a softmax was given, less the largest of each row: a softmax in float
     * rounds differently on each processor, but its logarithm tells them exactly.
     *
     * @param scale of the integers, above 0.
     * @see OutputRecord.requireFits
     */
    fun softmaxInput(scale: Float): OutputValues {
        val steps = ByteArray(size * DType.INT16.bytes).littleEndian()
        val row = shape.last()
        for (start in 0 until size step row) {
            val values = FloatArray(row) { number(start + it).toFloat() }
            // NaN if one of them is, as NumPy has it.
            val largest = values.reduce { a, b -> maxOf(a, b) }
            for (value in values) {
                val log = maxOf(ln((value / largest).toDouble()).toFloat(), LOWEST_LOG)
                steps.putShort(Math.rint((log / scale).toDouble()).toInt().toShort())
            }
        }
        return OutputValues(DType.INT16, shape, steps.array())
    }

    companion object {
        // Below its exponential, a probability in float32 loses digits.
        private const val LOWEST_LOG = -80f

        /** @throws IllegalArgumentException if the values do not fit the tensor. */
        fun of(
            spec: TensorSpec,
            data: TensorData,
        ) = OutputValues(spec.dtype, spec.shape, data.toLittleEndian(spec))

        fun number(
            buffer: ByteBuffer,
            dtype: DType,
            index: Int,
        ): Double {
            val at = index * dtype.bytes
            return when (dtype) {
                DType.FLOAT32 -> buffer.getFloat(at).toDouble()
                DType.INT8 -> buffer.get(at).toDouble()
                DType.UINT8, DType.BOOL -> (buffer.get(at).toInt() and 0xFF).toDouble()
                DType.INT16 -> buffer.getShort(at).toDouble()
                DType.INT32 -> buffer.getInt(at).toDouble()
                DType.INT64 -> buffer.getLong(at).toDouble()
            }
        }
    }
}

/**
 * What a file records of one output.
 *
 * @property softmaxScale scale of the logits that are recorded in place of the output; null if the
 *   output is.
 * @property sha256 of all values if only samples are recorded.
 * @property values all of them, or the samples, little-endian.
 */
internal class OutputRecord private constructor(
    private val softmaxScale: Float?,
    private val dtype: String,
    private val shape: List<Int>,
    private val sha256: String?,
    private val values: ByteArray,
    private val leastSqnrDb: Double,
) {
    /** @throws IllegalArgumentException if the record is not of such an output. */
    fun requireFits(
        outputDtype: DType,
        outputShape: List<Int>,
    ) {
        val mayBeSoftmax = outputDtype == DType.FLOAT32 && outputShape.isNotEmpty()
        require(softmaxScale == null || mayBeSoftmax) {
            "expected probabilities in float32, received ${outputDtype.key} $outputShape"
        }
        val compared = if (softmaxScale == null) outputDtype else DType.INT16
        require(compared.key == dtype && outputShape == shape) {
            "expected ${compared.key} of shape $outputShape, received $dtype of shape $shape"
        }
        val count = if (sha256 == null) outputShape.fold(1L, Long::times) else SAMPLES.toLong()
        require(values.size.toLong() == count * compared.bytes) {
            "expected $count values, received ${values.size} bytes"
        }
    }

    /** @throws IllegalArgumentException if the record is not of such an output. */
    fun compare(output: OutputValues): OutputCheck {
        requireFits(output.dtype, output.shape)
        val actual = softmaxScale?.let(output::softmaxInput) ?: output
        val count = values.size / actual.dtype.bytes
        val recorded = values.littleEndian()
        val sqnr =
            sqnrDb(
                DoubleArray(count) { OutputValues.number(recorded, actual.dtype, it) },
                DoubleArray(count) {
                    actual.number(
                        if (sha256 == null) it else (it.toLong() * actual.size / SAMPLES).toInt(),
                    )
                },
            )
        val isSame =
            sha256?.let { it == sha256(actual.bytes) } ?: values.contentEquals(actual.bytes)
        val verdict =
            when {
                isSame -> Verdict.IDENTICAL
                sqnr >= leastSqnrDb -> Verdict.WITHIN
                else -> Verdict.DIFFERENT
            }
        return OutputCheck(
            verdict,
            sqnr.coerceIn(-LIMIT_DB, LIMIT_DB),
            leastSqnrDb,
            if (softmaxScale == null) OUTPUT else SOFTMAX_INPUT,
        )
    }

    companion object {
        private const val OUTPUT = "output"
        private const val SOFTMAX_INPUT = "softmax_input"
        private const val SAMPLES = 256
        private const val LIMIT_DB = 200.0

        /** @throws IllegalArgumentException if a value is missing, or of another type. */
        fun read(fields: JsonFields): OutputRecord {
            val covers =
                fields.choice("covers", listOf(OUTPUT, SOFTMAX_INPUT), { it })
                    ?: fields.fail("covers", "there")
            val isWhole = "values" in fields
            return OutputRecord(
                softmaxScale =
                    if (covers == SOFTMAX_INPUT) {
                        (
                            fields.number("scale", "above 0") { it > 0 }
                                ?: fields.fail("scale", "there")
                        ).toFloat()
                    } else {
                        null
                    },
                dtype = fields.text("dtype"),
                shape = fields.wholes("shape", 1, Int.MAX_VALUE),
                sha256 = if (isWhole) null else fields.text("sha256"),
                values = base64(fields, if (isWhole) "values" else "samples"),
                leastSqnrDb =
                    fields.number("least_sqnr_db") ?: fields.fail("least_sqnr_db", "there"),
            )
        }

        private fun base64(
            fields: JsonFields,
            key: String,
        ): ByteArray = Base64.decode(fields.text(key))

        private fun sha256(bytes: ByteArray) =
            MessageDigest.getInstance("SHA-256").digest(bytes).toHex()

        /** Power of the expected values around their mean over that of the errors, in dB. */
        private fun sqnrDb(
            expected: DoubleArray,
            actual: DoubleArray,
        ): Double {
            val mean = expected.average()
            val signal = expected.sumOf { (it - mean) * (it - mean) }
            val noise = expected.indices.sumOf { (actual[it] - expected[it]).let { e -> e * e } }
            return when {
                noise == 0.0 -> Double.POSITIVE_INFINITY
                !noise.isFinite() -> Double.NEGATIVE_INFINITY
                else -> 10 * log10(signal / noise)
            }
        }
    }
}
