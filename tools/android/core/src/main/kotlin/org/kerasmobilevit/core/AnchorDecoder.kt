package org.kerasmobilevit.core

import kotlin.math.exp

/**
 * Decodes the predictions of a detector relative to its anchors, which `output.decoding` describes,
 * and suppresses boxes that overlap a better one of their class. Class 0 is the background.
 *
 * It computes what `keras_mobilevit.detection.decode_predictions` does, with the same limits.
 */
internal class AnchorDecoder(
    private val info: ModelInfo,
) {
    private class Candidate(
        val box: FloatArray,
        val outputClass: Int,
        val score: Float,
    )

    fun decode(
        output: Output,
        scoreThreshold: Double,
    ): Prediction.Boxes {
        val anchors = anchors()
        val (count, channels) =
            output.shape.takeIf { it.size == 2 && it[0] == anchors.size && it[1] > SIDES + 1 }
                ?: throw unsupported(
                    "Expected predictions (1, ${anchors.size}, 4 + classes) of the anchors in " +
                        "the file. Received: ${output.spec.shape}",
                )
        val candidates = mutableListOf<Candidate>()
        for (index in 0 until count) {
            val scores = softmax(output.values, channels * index + SIDES, channels - SIDES)
            val box by lazy { box(output.values, channels * index, anchors[index]) }
            for (outputClass in 1 until scores.size) {
                if (scores[outputClass] > scoreThreshold) {
                    candidates += Candidate(box, outputClass, scores[outputClass])
                }
            }
        }
        val best = candidates.sortedBy { -it.score }.take(MAX_CANDIDATES)
        return Prediction.Boxes(suppress(best).take(MAX_BOXES).map(::named))
    }

    /** Centre x, centre y, width and height of each, as shares of the sides of the input. */
    private fun anchors(): List<FloatArray> {
        try {
            val decoding = decoding()
            return decoding.objects("levels").flatMap { level ->
                val rows = level.int("rows", 1, MAX_ANCHORS) ?: level.fail("rows", "there")
                val columns = level.int("columns", 1, MAX_ANCHORS) ?: level.fail("columns", "there")
                val shapes = level.lists("shapes", SIDES / 2)
                require(rows.toLong() * columns * shapes.size <= MAX_ANCHORS) {
                    "Expected at most $MAX_ANCHORS anchors. Received: $rows x $columns of them"
                }
                (0 until rows).flatMap { row ->
                    (0 until columns).flatMap { column ->
                        shapes.map { (width, height) ->
                            floatArrayOf(
                                ((column + 0.5) / columns).toFloat(),
                                ((row + 0.5) / rows).toFloat(),
                                width.toFloat(),
                                height.toFloat(),
                            )
                        }
                    }
                }
            }
        } catch (error: IllegalArgumentException) {
            throw ModelFileException(
                "The anchors in the file cannot be read: ${error.message}",
                "Export the detector with the output head 'nms', or with a current version of " +
                    "keras_mobilevit.",
                ModelFileProblem.DAMAGED,
                error,
            )
        }
    }

    private fun decoding() = JsonFields(info.output.decoding, "output.decoding.")

    private val centerVariance = decoding().number("center_variance")?.toFloat() ?: CENTER_VARIANCE
    private val sizeVariance = decoding().number("size_variance")?.toFloat() ?: SIZE_VARIANCE

    /** Left, top, right, bottom. */
    private fun box(
        offsets: FloatArray,
        at: Int,
        anchor: FloatArray,
    ): FloatArray {
        val (centerX, centerY, width, height) = anchor
        val x = centerX + offsets[at] * centerVariance * width
        val y = centerY + offsets[at + 1] * centerVariance * height
        val halfWidth = exp(offsets[at + 2] * sizeVariance) * width / 2
        val halfHeight = exp(offsets[at + 3] * sizeVariance) * height / 2
        return floatArrayOf(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight)
    }

    private fun softmax(
        values: FloatArray,
        at: Int,
        count: Int,
    ): FloatArray {
        var largest = Float.NEGATIVE_INFINITY
        for (index in at until at + count) largest = maxOf(largest, values[index])
        val powers = FloatArray(count) { exp(values[at + it] - largest) }
        val sum = powers.sum()
        return FloatArray(count) { powers[it] / sum }
    }

    /** @param candidates best first. */
    private fun suppress(candidates: List<Candidate>): List<Candidate> {
        val kept = mutableListOf<Candidate>()
        for (candidate in candidates) {
            val isBeaten =
                kept.any {
                    it.outputClass == candidate.outputClass &&
                        overlaps(it.box, candidate.box)
                }
            if (!isBeaten) kept += candidate
        }
        return kept
    }

    private fun overlaps(
        a: FloatArray,
        b: FloatArray,
    ): Boolean {
        val width = minOf(a[2], b[2]) - maxOf(a[0], b[0])
        val height = minOf(a[3], b[3]) - maxOf(a[1], b[1])
        val shared = maxOf(width, 0f) * maxOf(height, 0f)
        val union = area(a) - shared + area(b)
        return shared > IOU_THRESHOLD * union
    }

    private fun area(box: FloatArray) = (box[2] - box[0]) * (box[3] - box[1])

    private fun named(candidate: Candidate): Box {
        val (left, top, right, bottom) = candidate.box.map { it.coerceIn(0f, 1f) }
        val found =
            Scored(
                candidate.outputClass,
                info.label(candidate.outputClass),
                candidate.score.toDouble(),
            )
        return Box(found, left, top, right, bottom)
    }

    private companion object {
        const val SIDES = 4
        const val MAX_ANCHORS = 1_000_000
        const val CENTER_VARIANCE = 0.1f
        const val SIZE_VARIANCE = 0.2f
        const val IOU_THRESHOLD = 0.5f
        const val MAX_CANDIDATES = 1000
        const val MAX_BOXES = 200
    }
}
