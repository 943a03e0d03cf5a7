package org.kerasmobilevit.benchmark.ui.photo

import android.content.res.Resources
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import kotlin.math.abs

/**
 * Answers in words.
 *
 * @param names of the two models.
 */
class AnswerTexts(
    private val resources: Resources,
    private val names: List<String>,
) {
    private val format = Format(resources)

    /** What to know before the details. */
    fun headline(answers: Answers?): Note {
        if (answers == null) {
            return Note(
                NoteKind.WARNING,
                resources.getString(R.string.photo_other_tasks),
                resources.getString(R.string.photo_other_tasks_message),
            )
        }
        answers.agreement?.let { return agreement(it) }
        if (answers.unit == AnswerUnit.PROBABILITY) return first(answers)
        val differs = answers.rows.any { it.difference != Difference.NONE }
        return if (differs) {
            Note(NoteKind.WARNING, resources.getString(R.string.photo_differs))
        } else {
            Note(NoteKind.GOOD, resources.getString(R.string.photo_same))
        }
    }

    private fun agreement(share: Double): Note {
        val text = resources.getString(R.string.photo_agreement, format.percent(share))
        return Note(if (share >= GOOD_AGREEMENT) NoteKind.GOOD else NoteKind.WARNING, text)
    }

    private fun first(answers: Answers): Note {
        val one =
            answers.rows
                .find { it.first?.rank == 1 }
                ?.label
                .orEmpty()
        val two =
            answers.rows
                .find { it.second?.rank == 1 }
                ?.label
                .orEmpty()
        return if (one == two) {
            Note(NoteKind.GOOD, resources.getString(R.string.photo_same_first, one))
        } else {
            Note(
                NoteKind.WARNING,
                resources.getString(R.string.photo_other_first),
                resources.getString(
                    R.string.photo_other_first_message,
                    names[0],
                    one,
                    names[1],
                    two,
                ),
            )
        }
    }

    /** An answer in a few characters. */
    fun value(
        answer: Answer?,
        unit: AnswerUnit,
    ): String {
        if (answer == null) return resources.getString(R.string.photo_no_answer)
        val value =
            when (unit) {
                AnswerUnit.PROBABILITY, AnswerUnit.SHARE -> format.percent(answer.value)
                AnswerUnit.COUNT -> format.decimal(answer.value, 0)
                AnswerUnit.VALUE -> format.decimal(answer.value, 3)
            }
        val rank = answer.rank ?: return value
        return resources.getString(R.string.photo_ranked, rank, value)
    }

    /** In what the answers of a row differ; empty if they do not. */
    fun difference(
        row: AnswerRow,
        unit: AnswerUnit,
    ): String {
        val first = row.first
        val second = row.second
        return when {
            row.difference == Difference.NONE -> {
                ""
            }

            first == null || second == null -> {
                resources.getString(
                    if (unit ==
                        AnswerUnit.PROBABILITY
                    ) {
                        R.string.photo_only_top
                    } else {
                        R.string.photo_only
                    },
                    names[if (first == null) 1 else 0],
                )
            }

            row.difference == Difference.RANK -> {
                resources.getString(R.string.photo_other_rank, first.rank, second.rank)
            }

            unit == AnswerUnit.PROBABILITY || unit == AnswerUnit.SHARE -> {
                change(
                    format.decimal(100 * abs(second.value - first.value), 1),
                    second.value > first.value,
                    R.string.photo_more_points,
                    R.string.photo_less_points,
                )
            }

            else -> {
                change(
                    format.decimal(
                        abs(second.value - first.value),
                        if (unit == AnswerUnit.COUNT) 0 else 3,
                    ),
                    second.value > first.value,
                    R.string.photo_more,
                    R.string.photo_less,
                )
            }
        }
    }

    private fun change(
        amount: String,
        more: Boolean,
        moreText: Int,
        lessText: Int,
    ) = resources.getString(if (more) moreText else lessText, amount, names[1])

    private companion object {
        const val GOOD_AGREEMENT = 0.95
    }
}
