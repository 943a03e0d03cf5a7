package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject
import java.math.BigInteger

/** From the JSON form of a description to [ModelInfo]; the limits are those of Python's reader. */
internal object ModelInfoReader {
    private const val SCHEMA_VERSION = 2
    private const val VERSION_KEY = "schema_version"
    private const val MAX_CLASSES = 100_000
    private const val MAX_SIDE = 1 shl 16
    private const val MAX_CHANNELS = 4
    private val MAX_SEED = BigInteger.ONE.shiftLeft(64)

    /** As [ModelInfo.fromJson]. */
    fun read(
        text: String,
        labels: List<String>,
    ): ModelInfo {
        try {
            val json = StrictJson.parseObject(text)
            return when (val version = version(json)) {
                1 -> info(ModelInfoV1.upgrade(json, labels))

                SCHEMA_VERSION -> info(json)

                else -> throw ModelFileException(
                    "Expected a description of schema version 1 to $SCHEMA_VERSION. Received: " +
                        "version $version",
                    "Update this app: the file was written by a newer keras_mobilevit.",
                    ModelFileProblem.UNSUPPORTED,
                )
            }
        } catch (error: IllegalArgumentException) {
            throw damaged("The description in the file cannot be read: ${error.message}", error)
        }
    }

    private fun version(json: JsonObject): Int =
        if (VERSION_KEY !in json) {
            1
        } else {
            JsonFields(json).int(VERSION_KEY, 1, Int.MAX_VALUE)
                ?: throw IllegalArgumentException("`$VERSION_KEY` must not be null")
        }

    private fun info(json: JsonObject): ModelInfo {
        val fields = JsonFields(json)
        val labels = fields.texts("labels", MAX_CLASSES)
        val classes = fields.int("classes", 1, MAX_CLASSES, nullable = true)
        require(labels.isEmpty() || classes == null || classes == labels.size) {
            "`labels` must name each of the $classes `classes`. Received: ${labels.size} labels"
        }
        return ModelInfo(
            name = fields.text("name"),
            architecture = fields.text("architecture"),
            variant = fields.text("variant"),
            task = fields.choice("task", Task.entries, Task::key) ?: Task.CLASSIFICATION,
            labels = labels,
            classes = classes,
            image = image(fields.fields("image")),
            output = output(fields.fields("output")),
            licence = fields.text("licence"),
            trainingData = fields.text("training_data"),
            recipe = fields.text("recipe"),
            recipeFields = fields.json("recipe_fields"),
            calibrationImages = fields.int("calibration_images", 0, 1_000_000_000) ?: 0,
            calibrationSeed =
                fields.bigWhole("calibration_seed", BigInteger.ZERO, MAX_SEED, nullable = true),
            compat = fields.text("compat"),
            fidelity = fields.json("fidelity"),
            selfTest = fields.json("self_test"),
            version = fields.text("version"),
        )
    }

    private fun image(fields: JsonFields): ImageSpec {
        val size = if (fields.isNull("size")) null else fields.wholes("size", 1, MAX_SIDE)
        if (size != null && size.size != 2) fields.fail("size", "[height, width], or null")
        return ImageSpec(
            height = size?.get(0),
            width = size?.get(1),
            cropPct = fields.number("crop_pct", "a number in (0, 1]") { it > 0 && it <= 1 } ?: 1.0,
            preResize = fields.int("pre_resize", 0, MAX_SIDE) ?: 0,
            cropMode =
                fields.choice("crop_mode", CropMode.entries, CropMode::key) ?: CropMode.CENTER,
            interpolation = fields.text("interpolation", "bilinear"),
            antialias = fields.flag("antialias", true),
            channelOrder =
                if ("channel_order" in fields) {
                    fields.choice(
                        "channel_order",
                        ChannelOrder.entries,
                        ChannelOrder::key,
                        nullable = true,
                    )
                } else {
                    ChannelOrder.RGB
                },
            scale =
                fields.numbers("scale", MAX_CHANNELS, "numbers above 0") { it > 0 }
                    ?: listOf(1.0),
            offset = fields.numbers("offset", MAX_CHANNELS) ?: listOf(0.0),
        )
    }

    private fun output(fields: JsonFields) =
        OutputSpec(
            kind =
                fields.choice("kind", OutputKind.entries, OutputKind::key, nullable = true),
            problemType =
                fields.choice(
                    "problem_type",
                    ProblemType.entries,
                    ProblemType::key,
                    nullable = true,
                ),
            labelOffset = fields.int("label_offset", 0, 1) ?: 0,
            stride = fields.int("stride", 1, MAX_SIDE, nullable = true),
            decoding = fields.json("decoding"),
        )
}
