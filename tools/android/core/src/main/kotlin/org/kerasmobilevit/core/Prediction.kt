package org.kerasmobilevit.core

/**
 * A class and how sure the model is of it.
 *
 * @property outputClass index in the output.
 * @property label its name, or its number if it has no name.
 * @property score probability in [0, 1].
 */
data class Scored(
    val outputClass: Int,
    val label: String,
    val score: Double,
)

/** A number of a model that gives values, with its name or index. */
data class NamedValue(
    val label: String,
    val value: Double,
)

/**
 * An object in a picture.
 *
 * @property found its class and score.
 * @property left left side as a share of the picture's width, in [0, 1], as is [right].
 * @property top upper side as a share of the picture's height, in [0, 1], as is [bottom].
 */
data class Box(
    val found: Scored,
    val left: Float,
    val top: Float,
    val right: Float,
    val bottom: Float,
)

/** What a model says of a picture. */
sealed interface Prediction {
    /** One of several classes: all of them, most probable first. A binary model has two. */
    data class Classes(
        val ranked: List<Scored>,
    ) : Prediction

    /** Any of several labels, each by itself: all of them, most probable first. */
    data class Labels(
        val ranked: List<Scored>,
    ) : Prediction {
        /** Those that are more probable than not. */
        val present: List<Scored> get() = ranked.filter { it.score > 0.5 }
    }

    /** Values that are no scores, in the order of the output. */
    data class Values(
        val values: List<NamedValue>,
    ) : Prediction

    /** Objects, most probable first. */
    data class Boxes(
        val boxes: List<Box>,
    ) : Prediction

    /**
     * The class of each pixel, row by row.
     *
     * @property height rows of the mask: those of the model's input, whatever the picture's are.
     * @property classes `height * width` indices.
     */
    class Mask(
        val height: Int,
        val width: Int,
        val classes: IntArray,
    ) : Prediction
}
