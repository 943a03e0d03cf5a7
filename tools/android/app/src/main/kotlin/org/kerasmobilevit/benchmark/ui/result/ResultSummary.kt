package org.kerasmobilevit.benchmark.ui.result

import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.core.BenchmarkResult

/** Fills `@layout/result_summary`: the median, the spread, and with what. */
class ResultSummary(
    private val view: View,
) {
    private val resources = view.resources
    private val format = Format(resources)

    /** Shows a result below its file's name, or another one. */
    fun show(
        result: BenchmarkResult,
        name: String = result.file,
    ) {
        val runs = result.samples.ms.size
        val statistics = result.statistics
        val range = format.msRange(statistics.p5, statistics.p95)
        text(R.id.result_name, name)
        text(
            R.id.result_caption,
            resources.getQuantityString(R.plurals.result_caption, runs, runs),
        )
        text(R.id.result_median, format.ms(statistics.median))
        text(R.id.result_spread, resources.getString(R.string.result_spread, range))
        showBadges(
            listOf(
                result.model.recipe,
                format.accelerator(result.accelerator),
                format.threads(result.threads),
                result.runtime,
            ),
        )
    }

    private fun showBadges(texts: List<String>) {
        val badges = view.findViewById<ViewGroup>(R.id.result_badges)
        badges.removeAllViews()
        for (text in texts.filter { it.isNotBlank() }) {
            val badge = LayoutInflater.from(view.context).inflate(R.layout.badge, badges, false)
            (badge as TextView).text = text
            badges.addView(badge)
        }
    }

    private fun text(
        id: Int,
        text: String,
    ) {
        view.findViewById<TextView>(id).text = text
    }
}
