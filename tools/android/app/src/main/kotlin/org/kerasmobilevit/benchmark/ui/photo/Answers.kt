package org.kerasmobilevit.benchmark.ui.photo

import org.kerasmobilevit.core.ModelInfo
import org.kerasmobilevit.core.Prediction
import org.kerasmobilevit.core.Scored
import kotlin.math.abs

/** What one model says of one label. */
data class Answer(
    val rank: Int?,
    val value: Double,
)

/** In what two answers of one label differ. */
enum class Difference { NONE, VALUE, RANK, ONLY_FIRST, ONLY_SECOND }

/** What two models say of one label; null where one does not name it. */
data class AnswerRow(
    val label: String,
    val first: Answer?,
    val second: Answer?,
    val difference: Difference,
)

/** What the numbers of a row are. */
enum class AnswerUnit { PROBABILITY, SHARE, COUNT, VALUE }

/**
 * The answers of two models to one photo, label by label.
 *
 * @property agreement share of the pixels that have the same class, of masks of one size.
 */
data class Answers(
    val unit: AnswerUnit,
    val rows: List<AnswerRow>,
    val agreement: Double? = null,
) {
    companion object {
        private const val TOP = 5

        /** Less than this share of the whole is no difference worth a word. */
        private const val VISIBLE = 0.01

        /** Null if the two do not answer the same question. */
        fun of(
            first: Prediction,
            second: Prediction,
            infos: List<ModelInfo>,
        ): Answers? =
            when {
                first is Prediction.Classes && second is Prediction.Classes -> {
                    ranked(first.ranked, second.ranked)
                }

                first is Prediction.Labels && second is Prediction.Labels -> {
                    ranked(first.ranked, second.ranked)
                }

                first is Prediction.Boxes && second is Prediction.Boxes -> {
                    Answers(AnswerUnit.COUNT, join(counts(first), counts(second), 0.5))
                }

                first is Prediction.Mask && second is Prediction.Mask -> {
                    Answers(
                        AnswerUnit.SHARE,
                        join(shares(first, infos[0]), shares(second, infos[1]), VISIBLE),
                        agreement(first, second),
                    )
                }

                first is Prediction.Values && second is Prediction.Values -> {
                    Answers(
                        AnswerUnit.VALUE,
                        join(
                            first.values.associate { it.label to Answer(null, it.value) },
                            second.values.associate { it.label to Answer(null, it.value) },
                            Double.MIN_VALUE,
                        ),
                    )
                }

                else -> {
                    null
                }
            }

        private fun ranked(
            first: List<Scored>,
            second: List<Scored>,
        ) = Answers(AnswerUnit.PROBABILITY, join(top(first), top(second), VISIBLE))

        private fun top(ranked: List<Scored>) =
            ranked
                .take(TOP)
                .mapIndexed { index, it -> it.label to Answer(index + 1, it.score) }
                .toMap()

        private fun counts(boxes: Prediction.Boxes) =
            boxes.boxes
                .groupingBy { it.found.label }
                .eachCount()
                .mapValues { Answer(null, it.value.toDouble()) }

        private fun shares(
            mask: Prediction.Mask,
            info: ModelInfo,
        ) = mask.classes
            .toList()
            .groupingBy { it }
            .eachCount()
            .entries
            .sortedByDescending { it.value }
            .take(TOP)
            .associate { (index, count) ->
                info.label(index) to Answer(null, count.toDouble() / mask.classes.size)
            }

        private fun agreement(
            first: Prediction.Mask,
            second: Prediction.Mask,
        ): Double? {
            if (first.width != second.width || first.height != second.height) return null
            val same = first.classes.indices.count { first.classes[it] == second.classes[it] }
            return same.toDouble() / first.classes.size
        }

        /** Labels of the first in its order, then those that only the second has. */
        private fun join(
            first: Map<String, Answer>,
            second: Map<String, Answer>,
            visible: Double,
        ): List<AnswerRow> =
            (first.keys + second.keys).map { label ->
                val one = first[label]
                val two = second[label]
                AnswerRow(label, one, two, difference(one, two, visible))
            }

        private fun difference(
            first: Answer?,
            second: Answer?,
            visible: Double,
        ) = when {
            first == null -> Difference.ONLY_SECOND
            second == null -> Difference.ONLY_FIRST
            first.rank != second.rank -> Difference.RANK
            abs(first.value - second.value) >= visible -> Difference.VALUE
            else -> Difference.NONE
        }
    }
}
