package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.Assert.assertEquals

/** Compares a description with its JSON form, as Python wrote it, field by field. */
fun assertInfoEquals(
    expected: JsonObject,
    info: ModelInfo,
    withRecipeFields: Boolean = true,
) {
    val texts =
        mapOf(
            "name" to info.name,
            "architecture" to info.architecture,
            "variant" to info.variant,
            "task" to info.task.key,
            "licence" to info.licence,
            "training_data" to info.trainingData,
            "recipe" to info.recipe,
            "compat" to info.compat,
            "version" to info.version,
        )
    for ((key, value) in texts) assertEquals(key, expected.text(key), value)
    assertEquals(expected.texts("labels"), info.labels)
    assertEquals(expected["classes"].orNull(), info.classes?.toString())
    assertEquals(expected.int("calibration_images"), info.calibrationImages)
    assertEquals(expected["calibration_seed"].orNull(), info.calibrationSeed?.toString())
    assertEquals(expected["fidelity"], info.fidelity)
    assertEquals(expected["self_test"], info.selfTest)
    if (withRecipeFields) assertEquals(expected["recipe_fields"], info.recipeFields)
    assertImageEquals(expected.getValue("image").jsonObject, info.image)
    val output = expected.getValue("output").jsonObject
    assertEquals(output["kind"].orNull(), info.output.kind?.key)
    assertEquals(output["problem_type"].orNull(), info.output.problemType?.key)
    assertEquals(output.int("label_offset"), info.output.labelOffset)
    assertEquals(output["stride"].orNull(), info.output.stride?.toString())
    assertEquals(output["decoding"], info.output.decoding)
}

private fun assertImageEquals(
    expected: JsonObject,
    image: ImageSpec,
) {
    val size = expected["size"].takeIf { it.toString() != "null" }
    assertEquals(
        size?.jsonArray?.map { it.jsonPrimitive.content },
        image.height?.let { listOf("$it", "${image.width}") },
    )
    assertEquals(expected.double("crop_pct"), image.cropPct, 0.0)
    assertEquals(expected.int("pre_resize"), image.preResize)
    assertEquals(expected.text("crop_mode"), image.cropMode.key)
    assertEquals(expected.text("interpolation"), image.interpolation)
    assertEquals(expected.flag("antialias"), image.antialias)
    assertEquals(expected["channel_order"].orNull(), image.channelOrder?.key)
    assertEquals(expected.getValue("scale").numbers(), image.scale)
    assertEquals(expected.getValue("offset").numbers(), image.offset)
}
