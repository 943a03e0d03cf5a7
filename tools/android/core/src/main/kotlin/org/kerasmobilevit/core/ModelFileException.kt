package org.kerasmobilevit.core

/** Why a file cannot be used. */
enum class ModelFileProblem {
    /** It cannot be read at all. */
    UNREADABLE,

    /** It is no `.tflite` file, or none that keras_mobilevit described. */
    NOT_OURS,

    /** Bytes are missing, or are not what they should be. */
    DAMAGED,

    /** It is whole, but of a form that this version cannot handle. */
    UNSUPPORTED,
}

/**
 * A file that cannot be used: not one of ours, damaged, or of a form that is not supported.
 *
 * @param message what was expected and what was found.
 * @property advice what the user can do about it, a sentence of its own.
 * @property problem which of these it is.
 */
class ModelFileException(
    message: String,
    val advice: String,
    val problem: ModelFileProblem,
    cause: Throwable? = null,
) : Exception(message, cause)

internal const val COPY_AGAIN = "Copy or export the file again: it may be damaged or cut off."
internal const val EXPORT_AGAIN = "Export the model with a current version of keras_mobilevit."

/** An exception for bytes that are not what they should be. */
internal fun damaged(
    message: String,
    cause: Throwable? = null,
) = ModelFileException(message, COPY_AGAIN, ModelFileProblem.DAMAGED, cause)

/** An exception for a file that is whole, but of a form that this version cannot handle. */
internal fun unsupported(message: String) =
    ModelFileException(message, EXPORT_AGAIN, ModelFileProblem.UNSUPPORTED)
