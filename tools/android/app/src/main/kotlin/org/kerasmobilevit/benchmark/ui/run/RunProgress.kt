package org.kerasmobilevit.benchmark.ui.run

import android.view.View
import android.widget.ProgressBar
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format

/** Shows how far a run is. */
class RunProgress(
    view: View,
) {
    private val resources = view.resources
    private val format = Format(resources)
    private val phase: TextView = view.findViewById(R.id.run_phase)
    private val count: TextView = view.findViewById(R.id.run_count)
    private val bar: ProgressBar = view.findViewById(R.id.run_bar)
    private val hint: TextView = view.findViewById(R.id.run_phase_hint)

    fun show(state: RunState) {
        when (state) {
            is RunState.Preparing -> {
                write(R.string.run_preparing, resources.getString(R.string.run_preparing_hint))
            }

            is RunState.Waiting -> {
                write(
                    R.string.run_waiting,
                    resources.getString(
                        R.string.run_waiting_hint,
                        format.headroom(state.headroom),
                        format.headroom(state.limit),
                    ),
                )
            }

            is RunState.Measuring -> {
                write(R.string.run_measuring, "")
            }

            else -> {
                return
            }
        }
        val measuring = state as? RunState.Measuring
        count.visibility = if (measuring == null) View.GONE else View.VISIBLE
        bar.isIndeterminate = measuring == null
        if (measuring != null) {
            count.text =
                resources.getString(R.string.run_progress, measuring.done, measuring.total)
            count.contentDescription =
                resources.getString(
                    R.string.run_progress_description,
                    measuring.done,
                    measuring.total,
                )
            bar.max = measuring.total
            bar.progress = measuring.done
        }
    }

    private fun write(
        title: Int,
        text: String,
    ) {
        // A text that does not change is not read out again.
        val new = resources.getString(title)
        if (phase.text.toString() != new) phase.text = new
        hint.text = text
        hint.visibility = if (text.isEmpty()) View.GONE else View.VISIBLE
    }
}
