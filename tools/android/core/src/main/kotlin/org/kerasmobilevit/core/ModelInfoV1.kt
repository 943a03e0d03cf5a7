package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** Descriptions in `.tflite` files of version 0.1, which had no schema version. */
internal object ModelInfoV1 {
    // What a file ended in -> kind of its output.
    private val KINDS =
        mapOf(
            "raw" to OutputKind.ANCHORS,
            "nms" to OutputKind.BOXES,
            "logits" to OutputKind.LOGITS,
            "upsampled" to OutputKind.LOGITS,
            "mask" to OutputKind.MASK,
        )
    private val FULL_SIZE = setOf("upsampled", "mask")

    /**
     * Turns a description into one of version 2, as `MODEL_INFO.md` says.
     *
     * @param labels of its classes; those of a detector begin with the background.
     */
    fun upgrade(
        json: JsonObject,
        labels: List<String>,
    ): JsonObject {
        val task = JsonFields(json).text("task", Task.CLASSIFICATION.key)
        val ending = JsonFields(json).text("ending")
        val isDetector = task == Task.DETECTION.key
        val isDense = isDetector || task == Task.SEGMENTATION.key
        val names = if (isDetector) labels.drop(1) else labels
        val image =
            buildMap {
                put("crop_mode", text((if (isDense) CropMode.SQUASH else CropMode.CENTER).key))
                json["crop_fraction"]?.let { put("crop_pct", it) }
                json["native_size"]?.let { put("pre_resize", it) }
                json["size"]?.let { put("size", JsonArray(listOf(it, it))) }
            }
        val output =
            buildMap {
                KINDS[ending]?.let { put("kind", text(it.key)) }
                if (ending in FULL_SIZE) put("stride", JsonPrimitive(1))
                val offset = if (isDetector && ending != "nms") 1 else 0
                put("label_offset", JsonPrimitive(offset))
                json["decoding"]?.let { put("decoding", it) }
            }
        val upgraded = json.toMutableMap()
        json["model"]?.let { upgraded["name"] = it }
        upgraded["labels"] = JsonArray(names.map(::text))
        upgraded["image"] = JsonObject(image)
        upgraded["output"] = JsonObject(output)
        val background = if (isDetector) 1 else 0
        val classes = JsonFields(json).int("classes", 1, Int.MAX_VALUE)?.minus(background)
        upgraded.remove("classes")
        (classes ?: names.size.takeIf { it > 0 })?.let { upgraded["classes"] = JsonPrimitive(it) }
        return JsonObject(upgraded)
    }

    private fun text(value: String) = JsonPrimitive(value)
}
