package org.kerasmobilevit.benchmark.ui.result

import android.content.res.Resources
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.OutputCheck
import org.kerasmobilevit.core.Verdict

/** What was checked besides the time, in words. */
class ResultChecks(
    private val resources: Resources,
) {
    private val format = Format(resources)

    /** Whether the phone computes what Python computed. */
    fun selfTest(result: BenchmarkResult): Note {
        val test =
            result.selfTest
                ?: return note(
                    NoteKind.UNKNOWN,
                    R.string.self_test_missing,
                    text(R.string.self_test_missing_message),
                )
        val worst = test.outputs.values.minByOrNull { it.sqnrDb - it.leastSqnrDb }
        return when {
            test.verdict == Verdict.IDENTICAL -> {
                note(
                    NoteKind.GOOD,
                    R.string.self_test_identical,
                    text(R.string.self_test_identical_message, test.runtime),
                )
            }

            test.passed -> {
                note(
                    NoteKind.GOOD,
                    R.string.self_test_within,
                    text(R.string.self_test_within_message, test.runtime, deviation(worst)),
                )
            }

            else -> {
                note(
                    NoteKind.ERROR,
                    if (test.verdict == Verdict.WITHIN) {
                        R.string.self_test_not_identical
                    } else {
                        R.string.self_test_different
                    },
                    text(R.string.self_test_different_message, test.runtime, deviation(worst)),
                    text(
                        if (result.accelerator == AcceleratorChoice.GPU) {
                            R.string.self_test_different_gpu
                        } else {
                            R.string.self_test_different_cpu
                        },
                    ),
                )
            }
        }
    }

    /** How much of the graph the accelerator runs. */
    fun delegation(result: BenchmarkResult): Note {
        val delegation =
            result.delegation
                ?: return note(
                    NoteKind.UNKNOWN,
                    R.string.delegation_unknown,
                    text(R.string.delegation_unknown_message),
                )
        val partitions =
            delegation.partitions?.let {
                resources.getQuantityString(R.plurals.delegation_partitions, it, it)
            }
        val message =
            if (partitions == null) {
                text(
                    R.string.delegation_message_unknown_partitions,
                    delegation.delegated,
                    delegation.nodes,
                    delegation.delegate,
                )
            } else {
                text(
                    R.string.delegation_message,
                    delegation.delegated,
                    delegation.nodes,
                    delegation.delegate,
                    partitions,
                )
            }
        return if (delegation.isFull) {
            note(NoteKind.GOOD, R.string.delegation_full, message)
        } else {
            note(
                NoteKind.WARNING,
                R.string.delegation_partial,
                message,
                text(R.string.delegation_partial_advice),
            )
        }
    }

    private fun deviation(check: OutputCheck?): String =
        if (check == null) {
            text(R.string.unknown)
        } else {
            text(
                R.string.self_test_deviation,
                format.decibels(check.sqnrDb),
                format.decibels(check.leastSqnrDb),
            )
        }

    private fun text(
        id: Int,
        vararg values: Any,
    ): String = resources.getString(id, *values)

    private fun note(
        kind: NoteKind,
        title: Int,
        message: String,
        advice: String? = null,
    ) = Note(kind, text(title), message, advice)
}
