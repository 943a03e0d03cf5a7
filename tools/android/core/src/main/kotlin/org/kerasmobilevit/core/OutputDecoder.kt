package org.kerasmobilevit.core

/** From output tensors to what they mean. */
object OutputDecoder {
    /** Least score of a box that is worth drawing. */
    const val SCORE_THRESHOLD = 0.3

    /**
     * Decodes the outputs of a model for one picture.
     *
     * @param outputs as [ModelFile.outputs].
     * @param values one for each of `outputs`.
     * @param scoreThreshold only boxes above it are given, in [0, 1].
     * @throws ModelFileException if the outputs are not as the description says, or it does not say
     *   how to decode them.
     */
    fun decode(
        info: ModelInfo,
        outputs: List<TensorSpec>,
        values: List<TensorData>,
        scoreThreshold: Double = SCORE_THRESHOLD,
    ): Prediction = TODO()
}
