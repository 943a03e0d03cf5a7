package org.kerasmobilevit.benchmark.ui.comparison

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.view.View
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.benchmark.ui.common.Screen
import org.kerasmobilevit.benchmark.ui.common.show
import org.kerasmobilevit.benchmark.ui.plot.RangesPlot
import org.kerasmobilevit.benchmark.ui.result.ResultStore
import org.kerasmobilevit.benchmark.ui.result.ResultSummary
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.ResultComparison
import java.io.File

/** A run beside the one that the user pinned. */
class ComparisonActivity : Screen(R.layout.comparison) {
    private val store by lazy { ResultStore(this) }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        val file = File(intent.getStringExtra(FILE).orEmpty())
        inBackground({ store.read(file).result to store.pinned()?.result }) { (run, pinned) ->
            showIf(R.id.loading, false)
            if (run == null || pinned == null) {
                showIf(R.id.comparison_missing, true)
                missing().show(findViewById(R.id.comparison_missing))
            } else {
                show(run, pinned)
            }
        }
    }

    private fun show(
        run: BenchmarkResult,
        pinned: BenchmarkResult,
    ) {
        for (card in CARDS) showIf(card, true)
        val comparison = ResultComparison.of(run, pinned)
        val texts = ComparisonTexts(resources)
        findViewById<TextView>(R.id.comparison_ratio).text = texts.ratio(comparison)
        findViewById<TextView>(R.id.comparison_caption).text = texts.caption(comparison)
        texts.verdict(comparison).show(findViewById(R.id.comparison_verdict))
        texts.differences(comparison, run, pinned).show(findViewById(R.id.comparison_differences))
        findViewById<RangesPlot>(R.id.comparison_ranges).show(run.statistics, pinned.statistics)
        summarize(R.id.comparison_this, run, R.string.comparison_this)
        summarize(R.id.comparison_pinned, pinned, R.string.comparison_pinned)
    }

    private fun summarize(
        id: Int,
        result: BenchmarkResult,
        who: Int,
    ) {
        val view = findViewById<View>(id)
        view.findViewById<View>(R.id.result_compare).visibility = View.GONE
        val name = getString(R.string.comparison_name, getString(who), result.file)
        ResultSummary(view).show(result, name)
    }

    private fun missing() =
        Note(
            NoteKind.ERROR,
            getString(R.string.comparison_missing),
            getString(R.string.comparison_missing_message),
            getString(R.string.comparison_missing_advice),
        )

    private fun showIf(
        id: Int,
        visible: Boolean,
    ) {
        findViewById<View>(id).visibility = if (visible) View.VISIBLE else View.GONE
    }

    companion object {
        private const val FILE = "file"
        private val CARDS =
            listOf(
                R.id.comparison_headline,
                R.id.comparison_ranges_card,
                R.id.comparison_differences,
                R.id.comparison_this,
                R.id.comparison_pinned,
            )

        /** Compares the result in a file with the pinned one. */
        fun start(
            from: Activity,
            result: File,
        ) = from.startActivity(
            Intent(from, ComparisonActivity::class.java).putExtra(FILE, result.path),
        )
    }
}
