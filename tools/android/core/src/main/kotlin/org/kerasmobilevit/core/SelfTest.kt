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
 * @property runtime runtime that recorded the outputs, with its version.
 */
data class SelfTestResult(
    val verdict: Verdict,
    val expected: Verdict,
    val outputs: Map<String, OutputCheck>,
    val runtime: String,
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
    ): ByteArray = TODO()

    /**
     * The values of the input tensor for [pixels] of its size, which are not rearranged.
     *
     * @throws ModelFileException if the tensor is no picture of a supported type.
     */
    fun input(
        image: ImageSpec,
        tensor: TensorSpec,
    ): TensorData = TODO()

    /**
     * Compares outputs with the recorded ones.
     *
     * @param outputs name of each output to its tensor and values.
     * @return null if the file has no self-test.
     * @throws ModelFileException if the record is damaged, or does not fit the outputs.
     */
    fun check(
        info: ModelInfo,
        outputs: Map<String, Pair<TensorSpec, TensorData>>,
    ): SelfTestResult? = TODO()
}
