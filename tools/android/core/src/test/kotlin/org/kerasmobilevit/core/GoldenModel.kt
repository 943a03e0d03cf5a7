package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import java.io.File

/** A file that Python exported, and what Python says of it. */
class GoldenModel(
    private val name: String,
) {
    val file: File = Fixtures.file("models/$name.tflite")
    val facts = Fixtures.json("models/$name.json").jsonObject
    val model: ModelFile by lazy { ModelFile.read(file) }

    /** The description, with the size of the input where it does not state it. */
    val info: JsonObject
        get() {
            val info = facts.getValue("info").jsonObject
            val image = info.getValue("image").jsonObject
            val size =
                JsonArray(
                    facts
                        .getValue("input")
                        .jsonObject
                        .getValue("shape")
                        .jsonArray
                        .slice(1..2),
                )
            return JsonObject(info + ("image" to JsonObject(image + ("size" to size))))
        }

    /** The picture that Python predicted. */
    val picture: RgbImage
        get() {
            val (height, width) = facts.ints("picture_shape")
            return RgbImage(width, height, bytes("picture.rgb"))
        }

    /** Labels of Python's prediction, best first. */
    val predictedLabels: List<String>
        get() = facts.getValue("prediction").jsonArray.map { it.jsonArray[0].orNull()!! }

    fun bytes(path: String): ByteArray = Fixtures.bytes("models/$name/$path")

    /** Outputs of Python's interpreter for an input, in the order of the file. */
    fun outputs(input: String): List<TensorData> =
        model.outputs.map { Fixtures.tensor("models/$name/$input.${it.name}", it.dtype) }

    companion object {
        val NAMES =
            listOf(
                "classifier_float32",
                "classifier_int8",
                "tiny_int8_full",
                "altered",
                "raw_int8",
                "nms_float32",
                "logits_int8",
                "logits_float32",
                "mask_int8",
                "v1_classifier_float32",
                "v1_classifier_int8",
                "v1_detector_nms_float32",
                "v1_detector_raw_int8",
                "v1_segmenter_logits_int8",
                "v1_segmenter_mask_float32",
            )
    }
}
