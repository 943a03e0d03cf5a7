package org.kerasmobilevit.benchmark.ui.models

import android.content.res.Resources
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.benchmark.ui.common.show

/** Makes the cards in the list of models. */
class ModelCards(
    private val parent: ViewGroup,
    private val onBenchmark: (ModelEntry) -> Unit,
    private val onDelete: (ModelEntry) -> Unit,
) {
    private val resources: Resources = parent.resources
    private val texts = ModelTexts(resources)

    /** A card, which is not yet in the list. */
    fun make(entry: ModelEntry): View {
        val layout = if (entry.model == null) R.layout.model_problem else R.layout.model_card
        val card = LayoutInflater.from(parent.context).inflate(layout, parent, false)
        if (entry.model == null) explain(card, entry) else describe(card, entry)
        card.findViewById<View>(R.id.model_delete).apply {
            visibility = if (entry.source == ModelSource.OPENED) View.VISIBLE else View.GONE
            contentDescription =
                resources.getString(R.string.models_delete_description, entry.file.name)
            setOnClickListener { onDelete(entry) }
        }
        return card
    }

    private fun explain(
        card: View,
        entry: ModelEntry,
    ) {
        val title = resources.getString(R.string.model_bad_title, entry.file.name)
        Note(NoteKind.ERROR, title, entry.problem?.message, entry.problem?.advice)
            .show(card.findViewById(R.id.model_note))
    }

    private fun describe(
        card: View,
        entry: ModelEntry,
    ) {
        val model = entry.model ?: return
        val info = model.info

        fun show(
            id: Int,
            text: String,
        ) = card.findViewById<TextView>(id).apply {
            this.text = text
            visibility = if (text.isBlank()) View.GONE else View.VISIBLE
        }
        show(R.id.model_name, texts.name(info))
        show(R.id.model_recipe, info.recipe)
        show(R.id.model_task, texts.task(info.task))
        show(R.id.model_source, texts.source(entry.source))
        show(R.id.model_facts, texts.facts(model))
        show(R.id.model_fidelity, texts.fidelity(info))
        show(R.id.model_training, texts.training(info))
        show(R.id.model_file, entry.file.name)
        card.findViewById<Button>(R.id.model_benchmark).apply {
            contentDescription =
                resources.getString(R.string.models_benchmark_description, entry.file.name)
            setOnClickListener { onBenchmark(entry) }
        }
    }
}
