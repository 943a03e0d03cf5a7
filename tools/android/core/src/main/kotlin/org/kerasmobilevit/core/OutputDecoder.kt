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
     * @throws IllegalArgumentException if the values do not fit their tensors.
     */
    fun decode(
        info: ModelInfo,
        outputs: List<TensorSpec>,
        values: List<TensorData>,
        scoreThreshold: Double = SCORE_THRESHOLD,
    ): Prediction {
        require(outputs.size == values.size) {
            "Expected values of ${outputs.size} outputs. Received: ${values.size}"
        }
        val decoded = outputs.zip(values) { spec, data -> Output(spec, data.dequantized(spec)) }
        return when (info.task) {
            Task.CLASSIFICATION -> ClassDecoder(info).decode(single(decoded, info))
            Task.SEGMENTATION -> MaskDecoder(info).decode(single(decoded, info))
            Task.DETECTION -> detect(info, decoded, scoreThreshold)
        }
    }

    private fun detect(
        info: ModelInfo,
        outputs: List<Output>,
        scoreThreshold: Double,
    ): Prediction.Boxes =
        when (info.output.kind) {
            OutputKind.BOXES -> BoxDecoder(info).decode(outputs, scoreThreshold)

            OutputKind.ANCHORS -> AnchorDecoder(info).decode(single(outputs, info), scoreThreshold)

            else -> throw unsupported(
                "Expected a detector whose output is boxes or anchors. Received: " +
                    "${info.output.kind?.key}",
            )
        }

    private fun single(
        outputs: List<Output>,
        info: ModelInfo,
    ): Output =
        outputs.singleOrNull() ?: throw unsupported(
            "Expected one output of a model for ${info.task.key}. Received: " +
                "${outputs.map { it.spec.name }}",
        )
}

/** An output tensor and the numbers that its values stand for. */
internal class Output(
    val spec: TensorSpec,
    val values: FloatArray,
) {
    /** Sides without the batch, which is 1. */
    val shape: List<Int> get() = spec.shape.drop(1)
}
