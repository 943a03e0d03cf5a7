package org.kerasmobilevit.benchmark.ui.result

import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.FactTable
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.benchmark.ui.common.inflate
import org.kerasmobilevit.benchmark.ui.common.show
import org.kerasmobilevit.benchmark.ui.plot.SamplesPlot
import org.kerasmobilevit.core.BenchmarkResult

/** Fills `@layout/result`. */
class ResultView(
    private val view: View,
) {
    private val resources = view.resources
    private val facts = ResultFacts(resources)

    fun show(stored: StoredResult) {
        val result = stored.result
        val phone = stored.phone
        showIf(R.id.loading, false)
        showNotes(if (result == null) listOf(damaged(stored)) else result.warnings.map(::warning))
        for (card in CARDS) showIf(card, result != null)
        if (result == null || phone == null) return
        ResultSummary(view.findViewById(R.id.result_summary)).show(result)
        showPlot(result)
        val checks = ResultChecks(resources)
        showCheck(R.id.result_self_test, checks.selfTest(result))
        showCheck(R.id.result_delegation, checks.delegation(result))
        table(R.id.result_statistics).show(facts.statistics(result))
        table(
            R.id.result_provenance,
        ).show(facts.provenance(result, phone, Format(resources).date(stored.date)))
    }

    private fun showPlot(result: BenchmarkResult) {
        view.findViewById<SamplesPlot>(R.id.result_plot).show(result.samples, result.statistics)
        showIf(
            R.id.result_legend_heat,
            result.samples.thermal.samples
                .isNotEmpty(),
        )
    }

    private fun showCheck(
        id: Int,
        note: Note,
    ) = view.findViewById<View>(id).let { check ->
        note.show(check)
        // A part of the card.
        check.background = null
        for (id in listOf(R.id.note_message, R.id.note_advice)) {
            val ink = view.context.getColor(R.color.text_secondary)
            check.findViewById<TextView>(id).setTextColor(ink)
        }
        val space = resources.getDimensionPixelSize(R.dimen.flow_gap)
        check.setPadding(0, space, 0, space)
    }

    private fun damaged(stored: StoredResult) =
        Note(
            NoteKind.ERROR,
            resources.getString(R.string.result_damaged),
            stored.problem,
            resources.getString(R.string.result_damaged_advice),
        )

    private fun warning(text: String) =
        Note(NoteKind.WARNING, resources.getString(R.string.result_warning), text)

    private fun showNotes(notes: List<Note>) {
        val list = view.findViewById<ViewGroup>(R.id.result_notes)
        list.removeAllViews()
        notes.forEach { list.addView(it.inflate(list)) }
        list.visibility = if (notes.isEmpty()) View.GONE else View.VISIBLE
    }

    private fun table(id: Int) = view.findViewById<FactTable>(id)

    private fun showIf(
        id: Int,
        visible: Boolean,
    ) {
        view.findViewById<View>(id).visibility = if (visible) View.VISIBLE else View.GONE
    }

    private companion object {
        val CARDS =
            listOf(
                R.id.result_summary,
                R.id.result_plot_card,
                R.id.result_checks,
                R.id.result_statistics_card,
                R.id.result_provenance_card,
            )
    }
}
