package org.kerasmobilevit.benchmark.ui.models

import android.content.res.Resources
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.doubleOrNull
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.core.ModelFile
import org.kerasmobilevit.core.ModelInfo
import org.kerasmobilevit.core.Task

/** What a model is, in words. */
class ModelTexts(
    private val resources: Resources,
) {
    private val format = Format(resources)

    fun name(entry: ModelEntry): String = entry.model?.info?.let(::name) ?: entry.file.name

    fun name(info: ModelInfo): String =
        info.variant
            .ifBlank { info.name }
            .ifBlank { resources.getString(R.string.unknown) }

    fun task(task: Task): String =
        resources.getString(
            when (task) {
                Task.CLASSIFICATION -> R.string.task_classification
                Task.SEGMENTATION -> R.string.task_segmentation
                Task.DETECTION -> R.string.task_detection
            },
        )

    fun source(source: ModelSource): String =
        resources.getString(
            when (source) {
                ModelSource.BUNDLED -> R.string.model_source_bundled
                ModelSource.OPENED -> R.string.model_source_opened
                ModelSource.PUSHED -> R.string.model_source_pushed
            },
        )

    /** Size of the input and of the file, and how many labels. */
    fun facts(model: ModelFile): String {
        val input = resources.getString(R.string.model_input, model.width, model.height)
        val labels = model.info.labels.size
        val names =
            if (labels == 0) {
                resources.getString(R.string.model_no_labels)
            } else {
                resources.getQuantityString(R.plurals.model_labels, labels, labels)
            }
        return format.line(listOf(input, names, format.megabytes(model.sizeBytes)))
    }

    /** How near it is to float32; empty if it is float32 itself. */
    fun fidelity(info: ModelInfo): String {
        val fidelity = info.fidelity
        val sqnr = fidelity.number("sqnr_db")
        val agreement = fidelity.number("agreement_percent")
        return when {
            sqnr == null && info.recipe == "float32" -> {
                ""
            }

            sqnr == null -> {
                resources.getString(R.string.model_fidelity_unknown)
            }

            agreement == null -> {
                resources.getString(R.string.model_fidelity_sqnr, format.decimal(sqnr, 1))
            }

            else -> {
                resources.getString(
                    R.string.model_fidelity_both,
                    format.decimal(sqnr, 1),
                    format.decimal(agreement, 1),
                )
            }
        }
    }

    /** Training data and licence; empty if neither is known. */
    fun training(info: ModelInfo): String {
        val data = info.trainingData
        return format.line(
            listOf(
                if (data.isBlank()) "" else resources.getString(R.string.model_training, data),
                info.licence,
            ),
        )
    }

    private fun JsonObject.number(key: String): Double? =
        (this[key] as? JsonPrimitive)?.doubleOrNull
}
