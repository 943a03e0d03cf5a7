package org.kerasmobilevit.core

/** How the outputs of this device compare with the recorded ones, best first. */
enum class Verdict(
    val key: String,
) {
    /** Equal to the last bit. */
    IDENTICAL("identical"),

    /** Not equal, but as near as other kernels of the same precision are. */
    WITHIN("within"),

    /** Anything else. */
    DIFFERENT("different"),
}

/**
 * One output in comparison with the recorded one.
 *
 * @property sqnrDb signal to noise against the recorded values in dB, in [-200, 200].
 * @property leastSqnrDb from this on the output is within the expected deviation.
 * @property covers `output`, or `softmax_input` for what a final softmax was given.
 */
data class OutputCheck(
    val verdict: Verdict,
    val sqnrDb: Double,
    val leastSqnrDb: Double,
    val covers: String,
)

/**
 * Result of the self-test of a file on this device.
 *
 * @property verdict the worst of all outputs.
 * @property expected the verdict to expect of any CPU.
 * @property outputs name of an output to its comparison.
 * @property runtime runtime that recorded the outputs, with its version; empty if unknown.
 */
data class SelfTestResult(
    val verdict: Verdict,
    val expected: Verdict,
    val outputs: Map<String, OutputCheck>,
    val runtime: String = "",
) {
    /** Whether the verdict is `expected` or better. */
    val passed: Boolean get() = verdict <= expected
}

/**
 * Shows that a device computes what Python computed: runs on a known input, and compares the
 * outputs with those in the file. `MODEL_INFO.md` of keras_mobilevit is the specification.
 */
object SelfTest {
    /**
     * The picture of the self-test, by its formula of integers.
     *
     * @return `height * width * channels` bytes, row by row, channels last.
     */
    fun pixels(
        height: Int,
        width: Int,
        channels: Int,
    ): ByteArray {
        val pixels = ByteArray(height * width * channels)
        var at = 0
        for (y in 0 until height) {
            for (x in 0 until width) {
                for (c in 0 until channels) {
                    val t = (512 * x / width * (c + 1) + 384 * y / height + 64 * c) % 512
                    pixels[at++] = minOf(t, 511 - t).toByte()
                }
            }
        }
        return pixels
    }

    /**
     * The values of the input tensor for [pixels] of its size, whose channels are not rearranged.
     *
     * @throws ModelFileException if the tensor is no picture of a supported type.
     */
    fun input(
        image: ImageSpec,
        tensor: TensorSpec,
    ): TensorData {
        if (tensor.shape.size != 4 || tensor.shape[0] != 1) {
            throw unsupported(
                "Expected an input (1, height, width, channels). Received: ${tensor.shape}",
            )
        }
        val (_, height, width, channels) = tensor.shape
        return PixelQuantizer(image, tensor, inDouble = false)
            .quantize(pixels(height, width, channels))
    }

    /**
     * Checks that the record can be compared with the outputs, before there are any.
     *
     * @throws ModelFileException if the record is damaged, or does not fit the outputs.
     */
    fun validate(
        info: ModelInfo,
        outputs: List<TensorSpec>,
    ) {
        if (info.selfTest.isEmpty()) return
        reading {
            val (_, records) = records(info, outputs.map { it.name }.toSet())
            for (spec in outputs) records.getValue(spec.name).requireFits(spec.dtype, spec.shape)
        }
    }

    /**
     * Compares outputs with the recorded ones.
     *
     * @param outputs name of each output to its tensor and values.
     * @return null if the file has no self-test.
     * @throws ModelFileException if the record is damaged, or does not fit the outputs.
     * @throws IllegalArgumentException if the values do not fit their tensors.
     */
    fun check(
        info: ModelInfo,
        outputs: Map<String, Pair<TensorSpec, TensorData>>,
    ): SelfTestResult? {
        if (info.selfTest.isEmpty()) return null
        val actual =
            outputs.mapValues { (_, output) ->
                OutputValues.of(output.first, output.second)
            }
        return reading {
            val (summary, records) = records(info, actual.keys)
            val checks =
                actual.mapValues { (name, values) ->
                    records.getValue(name).compare(values)
                }
            summary.copy(verdict = checks.values.maxOf { it.verdict }, outputs = checks)
        }
    }

    /** A result without comparisons, and what to compare each output with. */
    private fun records(
        info: ModelInfo,
        names: Set<String>,
    ): Pair<SelfTestResult, Map<String, OutputRecord>> {
        val record = JsonFields(info.selfTest, "self_test.")
        val expected =
            record.choice("expected", listOf(Verdict.IDENTICAL, Verdict.WITHIN), Verdict::key)
                ?: record.fail("expected", "there")
        val recorded = record.json("outputs").keys
        require(recorded == names) { "Expected the outputs $names. Received: $recorded" }
        if (recorded.isEmpty()) record.fail("outputs", "there")
        val records = names.associateWith { OutputRecord.read(record.fields("outputs").fields(it)) }
        val summary = SelfTestResult(expected, expected, emptyMap(), record.text("runtime"))
        return summary to records
    }

    private inline fun <T> reading(read: () -> T): T =
        try {
            read()
        } catch (error: IllegalArgumentException) {
            throw damaged("The self-test in the file cannot be read: ${error.message}", error)
        }
}
