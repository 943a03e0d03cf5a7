package org.kerasmobilevit.core

/** Reads the boxes of a detector with non-maximum suppression in its graph. */
internal class BoxDecoder(
    private val info: ModelInfo,
) {
    fun decode(
        outputs: List<Output>,
        scoreThreshold: Double,
    ): Prediction.Boxes {
        val corners = find(outputs, "boxes")
        val classes = find(outputs, "classes").values
        val scores = find(outputs, "scores").values
        val count = find(outputs, "count").values.first()
        val room = scores.size
        if (corners.shape.lastOrNull() != SIDES || corners.values.size != SIDES * room ||
            classes.size != room
        ) {
            throw unsupported(
                "Expected boxes (1, n, 4), classes and scores (1, n). Received: " +
                    "${outputs.map { it.spec.shape }}",
            )
        }
        // Of a broken detector it may be anything.
        val found =
            (0 until count.toInt().coerceIn(0, room)).filter { scores[it] > scoreThreshold }
        return Prediction.Boxes(
            found.sortedBy { -scores[it] }.map { index ->
                val (top, left, bottom, right) =
                    List(SIDES) { corners.values[SIDES * index + it].coerceIn(0f, 1f) }
                val outputClass = classes[index].toInt()
                Box(
                    Scored(outputClass, info.label(outputClass), scores[index].toDouble()),
                    left,
                    top,
                    right,
                    bottom,
                )
            },
        )
    }

    private fun find(
        outputs: List<Output>,
        name: String,
    ): Output =
        outputs.find { it.spec.name == name } ?: throw unsupported(
            "Expected the outputs boxes, classes, scores and count. Received: " +
                "${outputs.map { it.spec.name }}",
        )

    private companion object {
        const val SIDES = 4
    }
}
