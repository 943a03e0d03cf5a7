package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject
import java.math.BigInteger

/** What a model is for. */
enum class Task(
    val key: String,
) {
    CLASSIFICATION("classification"),
    SEGMENTATION("segmentation"),
    DETECTION("detection"),
}

/** What the output tensors hold. */
enum class OutputKind(
    val key: String,
) {
    LOGITS("logits"),
    PROBABILITIES("probabilities"),
    ANCHORS("anchors"),
    BOXES("boxes"),
    MASK("mask"),
}

/** What the numbers of a classifier answer. */
enum class ProblemType(
    val key: String,
) {
    SINGLE_LABEL("single_label"),
    BINARY("binary"),
    MULTI_LABEL("multi_label"),
    REGRESSION("regression"),
}

/** How a picture gets the shape of the input. */
enum class CropMode(
    val key: String,
) {
    /** Resized with its aspect ratio until it covers the input, then cropped at the centre. */
    CENTER("center"),

    /** Resized whole, whatever its aspect ratio. */
    SQUASH("squash"),
}

/** Order of the channels of the input. */
enum class ChannelOrder(
    val key: String,
) {
    RGB("rgb"),
    BGR("bgr"),
    GRAY("gray"),
}

/**
 * How a picture becomes the input of a model.
 *
 * @property height of the input in pixels; null if unknown or variable, as [width] then is.
 * @property width of the input in pixels.
 * @property cropPct side of the centre crop over the side of the resized picture, in (0, 1].
 * @property preResize short side that a picture is reduced to first, in pixels; 0 for none.
 * @property cropMode whether it is cropped.
 * @property interpolation how it is resized; only `bilinear` is supported.
 * @property antialias whether downscaling averages over all source pixels; only true is supported.
 * @property channelOrder order of the channels; null if the input is no such picture.
 * @property scale input = pixel · scale + offset, for pixels from 0 to 255; above 0, one number or
 *   one for each channel.
 * @property offset see [scale].
 */
data class ImageSpec(
    val height: Int? = null,
    val width: Int? = null,
    val cropPct: Double = 1.0,
    val preResize: Int = 0,
    val cropMode: CropMode = CropMode.CENTER,
    val interpolation: String = "bilinear",
    val antialias: Boolean = true,
    val channelOrder: ChannelOrder? = ChannelOrder.RGB,
    val scale: List<Double> = listOf(1.0),
    val offset: List<Double> = listOf(0.0),
)

/**
 * What the outputs of a model mean.
 *
 * @property kind null if unknown.
 * @property problemType of a classifier; null if unknown, and for other tasks.
 * @property labelOffset class of the output that the first label names, 0 or 1: 1 if class 0 is the
 *   background of a detector.
 * @property stride pixels of the input per cell of the output, for segmentation; null if unknown.
 * @property decoding how to decode the output: texts, and numbers such as anchors.
 */
data class OutputSpec(
    val kind: OutputKind? = null,
    val problemType: ProblemType? = null,
    val labelOffset: Int = 0,
    val stride: Int? = null,
    val decoding: JsonObject = JsonObject(emptyMap()),
)

/**
 * The description that a file of keras_mobilevit carries. `MODEL_INFO.md` of that package documents
 * each key; texts are empty where the file does not say.
 *
 * @property labels class names; of a detector without the background. Empty if unknown.
 * @property classes number of classes, counted as [labels] are; null if unknown.
 * @property recipe how the file was quantized, such as `float32` or `int8`.
 * @property calibrationSeed up to 2^64; null if the caller chose the images.
 * @property fidelity measured in comparison with float32: `sqnr_db` in dB, and more.
 * @property selfTest record for [SelfTest]; empty if there is none.
 * @property version version of keras_mobilevit that wrote the file.
 */
data class ModelInfo(
    val name: String = "",
    val architecture: String = "",
    val variant: String = "",
    val task: Task = Task.CLASSIFICATION,
    val labels: List<String> = emptyList(),
    val classes: Int? = null,
    val image: ImageSpec = ImageSpec(),
    val output: OutputSpec = OutputSpec(),
    val licence: String = "",
    val trainingData: String = "",
    val recipe: String = "",
    val recipeFields: JsonObject = JsonObject(emptyMap()),
    val calibrationImages: Int = 0,
    val calibrationSeed: BigInteger? = null,
    val compat: String = "",
    val fidelity: JsonObject = JsonObject(emptyMap()),
    val selfTest: JsonObject = JsonObject(emptyMap()),
    val version: String = "",
) {
    /** Name of a class of the output: its label, `background`, or its number if it has no name. */
    fun label(outputClass: Int): String {
        val index = outputClass - output.labelOffset
        if (labels.isEmpty()) return outputClass.toString()
        return if (index < 0) "background" else labels.getOrNull(index) ?: outputClass.toString()
    }

    companion object {
        /**
         * Reads a description of schema version 1 or 2, which need not be trusted.
         *
         * @param json the JSON object.
         * @param labels lines of `labels.txt`, which the descriptions of version 1 keep apart.
         * @throws ModelFileException if a value is out of its range, or the schema is newer.
         */
        fun fromJson(
            json: String,
            labels: List<String> = emptyList(),
        ): ModelInfo = ModelInfoReader.read(json, labels)
    }
}
