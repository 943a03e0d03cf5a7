package org.kerasmobilevit.benchmark.ui.photo

import android.view.View
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.Spinner
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.benchmark.ui.models.ModelEntry
import org.kerasmobilevit.benchmark.ui.models.ModelTexts

/** Two spinners with models: a float one and an int8 one if nothing else is chosen. */
class ModelChoice(
    private val first: Spinner,
    private val second: Spinner,
    private val onChange: () -> Unit,
) {
    private var models = listOf<ModelEntry>()
    private var last = listOf<ModelEntry>()

    private val selected get() = listOf(first, second).map { models[it.selectedItemPosition] }

    /** The two models, or one if it is chosen twice; none before they are known. */
    val chosen: List<ModelEntry>
        get() = if (models.isEmpty()) emptyList() else selected.distinct()

    /** Paths of both, also before the models are known: they are chosen then. */
    var files: List<String> = emptyList()
        get() = if (models.isEmpty()) field else selected.map { it.file.path }

    /** Shows models to choose from. */
    fun show(models: List<ModelEntry>) {
        val files = files
        this.models = models
        val texts = ModelTexts(first.resources)
        val format = Format(first.resources)
        val names =
            models.map {
                val recipe =
                    it.model
                        ?.info
                        ?.recipe
                        .orEmpty()
                format.line(listOf(recipe, texts.name(it), texts.source(it.source)))
            }
        fill(first, names, index(files.getOrNull(0)) ?: recipe("float32") ?: 0)
        val other = if (models.size > 1) 1 else 0
        fill(second, names, index(files.getOrNull(1)) ?: recipe("int8") ?: other)
        last = chosen
    }

    private fun index(path: String?) =
        models.indexOfFirst { it.file.path == path }.takeIf { it >= 0 }

    private fun recipe(name: String) =
        models.indexOfFirst { it.model?.info?.recipe == name }.takeIf { it >= 0 }

    private fun fill(
        spinner: Spinner,
        names: List<String>,
        selected: Int,
    ) {
        spinner.onItemSelectedListener = null
        spinner.adapter =
            ArrayAdapter(spinner.context, android.R.layout.simple_spinner_item, names).apply {
                setDropDownViewResource(android.R.layout.simple_spinner_dropdown_item)
            }
        if (names.isNotEmpty()) spinner.setSelection(selected)
        spinner.onItemSelectedListener =
            object : AdapterView.OnItemSelectedListener {
                override fun onItemSelected(
                    parent: AdapterView<*>?,
                    view: View?,
                    position: Int,
                    id: Long,
                ) {
                    // Android also calls it for the first selection, which nobody made.
                    if (chosen == last) return
                    last = chosen
                    onChange()
                }

                override fun onNothingSelected(parent: AdapterView<*>?) = Unit
            }
    }
}
