package org.kerasmobilevit.core

import kotlin.math.abs
import kotlin.math.exp
import kotlin.math.tanh

/** From the numbers of a classifier to names; Python's `named_results` does the same. */
internal class ClassDecoder(
    private val info: ModelInfo,
) {
    private val labels =
        if (info.labels.isEmpty()) {
            emptyList()
        } else {
            List(info.output.labelOffset) { BACKGROUND } +
                info.labels
        }

    fun decode(output: Output): Prediction {
        if (output.shape.size != 1) {
            throw unsupported("Expected an output (1, numbers). Received: ${output.spec.shape}")
        }
        val scores = DoubleArray(output.values.size) { output.values[it].toDouble() }
        return when (info.output.problemType) {
            ProblemType.REGRESSION -> {
                val names = names(labels, scores.size)
                Prediction.Values(scores.mapIndexed { i, value -> NamedValue(names[i], value) })
            }

            ProblemType.MULTI_LABEL -> {
                Prediction.Labels(ranked(independent(scores), labels))
            }

            else -> {
                if (scores.size == 1) twoClasses(scores) else oneOfMany(scores, output.spec)
            }
        }
    }

    /** One number is the score of the second class. */
    private fun twoClasses(scores: DoubleArray): Prediction {
        val (second) = independent(scores).toList()
        val names = if (labels.size == 1) listOf("not ${labels[0]}", labels[0]) else labels
        return Prediction.Classes(ranked(doubleArrayOf(1 - second, second), names))
    }

    private fun oneOfMany(
        scores: DoubleArray,
        spec: TensorSpec,
    ): Prediction {
        val probabilities = if (areProbabilities(scores, spec)) scores else softmax(scores)
        return Prediction.Classes(ranked(probabilities, labels))
    }

    /** If the file does not say, they are if none is negative and they sum to one. */
    private fun areProbabilities(
        scores: DoubleArray,
        spec: TensorSpec,
    ): Boolean =
        when (info.output.kind) {
            OutputKind.PROBABILITIES -> {
                true
            }

            OutputKind.LOGITS -> {
                false
            }

            else -> {
                // Rounding can move all of them in the same direction.
                val tolerance = maxOf(SUM_TOLERANCE, scores.size * (spec.scale ?: 0f) / 2.0)
                scores.all { it >= 0 } && abs(scores.sum() - 1) <= tolerance
            }
        }

    /** Probability of each by itself, as of sigmoids. */
    private fun independent(scores: DoubleArray): DoubleArray {
        val areLogits =
            when (info.output.kind) {
                OutputKind.PROBABILITIES -> false
                OutputKind.LOGITS -> true
                else -> !scores.all { it in 0.0..1.0 }
            }
        if (!areLogits) return scores
        return DoubleArray(scores.size) { 0.5 * (1 + tanh(scores[it] / 2)) }
    }

    private fun softmax(logits: DoubleArray): DoubleArray {
        val largest = logits.max()
        val powers = DoubleArray(logits.size) { exp(logits[it] - largest) }
        val sum = powers.sum()
        return DoubleArray(powers.size) { powers[it] / sum }
    }

    private fun ranked(
        probabilities: DoubleArray,
        labels: List<String>,
    ): List<Scored> {
        val names = names(labels, probabilities.size)
        return probabilities
            .mapIndexed { index, score -> Scored(index, names[index], score) }
            .sortedBy { -it.score }
    }

    private fun names(
        labels: List<String>,
        count: Int,
    ): List<String> {
        if (labels.isEmpty()) return List(count) { it.toString() }
        if (labels.size != count) {
            throw damaged("Expected $count labels. Received: ${labels.size}")
        }
        return labels
    }

    private companion object {
        const val SUM_TOLERANCE = 0.05
        const val BACKGROUND = "background"
    }
}
