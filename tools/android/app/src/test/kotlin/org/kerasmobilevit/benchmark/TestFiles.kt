package org.kerasmobilevit.benchmark

import org.kerasmobilevit.core.MeasurementListener
import java.io.File

/** What app/fixtures.py wrote: models, and what Python gave for them. */
object TestFiles {
    private val folder = File(checkNotNull(System.getProperty("fixtures")), "engine")

    val float32 = File(folder, "float32.tflite")
    val int8 = File(folder, "int8.tflite")

    /** With int8 inputs and outputs. */
    val int8Full = File(folder, "int8_full.tflite")

    /** As [int8], with one other weight. */
    val altered = File(folder, "altered.tflite")
    val photo = File(folder, "photo.png")

    /** The raw output for the input of the self-test. */
    fun output(model: File) = File(folder, model.nameWithoutExtension + ".output").readBytes()

    /** Labels and probabilities for [photo], as JSON. */
    fun top(model: File) = File(folder, model.nameWithoutExtension + ".top.json").readText()
}

/** Hears of a measurement, for tests that do not care. */
object Unheard : MeasurementListener {
    override fun onProgress(
        done: Int,
        total: Int,
    ) = Unit

    override fun onWaiting(
        headroom: Double,
        limit: Double,
    ) = Unit
}
