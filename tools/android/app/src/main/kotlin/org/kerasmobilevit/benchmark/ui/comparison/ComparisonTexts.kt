package org.kerasmobilevit.benchmark.ui.comparison

import android.content.res.Resources
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.ResultComparison
import kotlin.math.abs

/** A comparison in words. */
class ComparisonTexts(
    private val resources: Resources,
) {
    private val format = Format(resources)

    /** How fast this run is, as a multiple above 1. */
    fun ratio(comparison: ResultComparison): String {
        val ratio = comparison.ratio
        return when {
            isSame(ratio) -> resources.getString(R.string.comparison_same)
            ratio > 1 -> resources.getString(R.string.comparison_faster, times(ratio))
            else -> resources.getString(R.string.comparison_slower, times(1 / ratio))
        }
    }

    /** What the ratio is of. */
    fun caption(comparison: ResultComparison): String {
        // Times are the inverse of speeds.
        val change = 1 / comparison.ratio - 1
        return when {
            isSame(comparison.ratio) -> {
                resources.getString(R.string.comparison_same_caption)
            }

            change < 0 -> {
                resources.getString(R.string.comparison_faster_caption, format.percent(-change))
            }

            else -> {
                resources.getString(R.string.comparison_slower_caption, format.percent(change))
            }
        }
    }

    /** Whether the two can be told apart. */
    fun verdict(comparison: ResultComparison): Note =
        if (comparison.overlaps) {
            Note(
                NoteKind.WARNING,
                resources.getString(R.string.comparison_unclear),
                resources.getString(R.string.comparison_unclear_message),
                resources.getString(R.string.comparison_unclear_advice),
            )
        } else {
            Note(
                NoteKind.GOOD,
                resources.getString(R.string.comparison_clear),
                resources.getString(R.string.comparison_clear_message),
            )
        }

    /** What else differs. */
    fun differences(
        comparison: ResultComparison,
        run: BenchmarkResult,
        pinned: BenchmarkResult,
    ): Note {
        val differences = comparison.differences + listOfNotNull(heat(run, pinned))
        return if (differences.isEmpty()) {
            Note(
                NoteKind.GOOD,
                resources.getString(R.string.comparison_alike),
                resources.getString(R.string.comparison_alike_message),
            )
        } else {
            val lines =
                listOf(resources.getString(R.string.comparison_different_message)) +
                    differences.map { resources.getString(R.string.list_item, it) }
            Note(
                NoteKind.WARNING,
                resources.getString(R.string.comparison_different),
                lines.joinToString("\n"),
                resources.getString(R.string.comparison_different_advice),
            )
        }
    }

    /** One phone was warmer than the other. */
    private fun heat(
        run: BenchmarkResult,
        pinned: BenchmarkResult,
    ): String? {
        val one = run.samples.thermal.headroomBefore ?: return null
        val two = pinned.samples.thermal.headroomBefore ?: return null
        if (abs(one - two) < SAME_HEAT) return null
        return resources.getString(
            R.string.comparison_heat,
            format.headroom(one),
            format.headroom(two),
        )
    }

    private fun isSame(ratio: Double) = times(ratio) == times(1.0)

    private fun times(ratio: Double) = format.decimal(ratio, 2)

    private companion object {
        /** Headroom changes that much from one minute to the next. */
        const val SAME_HEAT = 0.1
    }
}
