package org.kerasmobilevit.benchmark.engine

/**
 * Why there is no result.
 *
 * @property key its name for programs, such as the driver.
 */
enum class FailureKind(
    val key: String,
) {
    /** The file is missing or cannot be read. */
    MISSING_FILE("missing_file"),

    /** The file is no model, or has no description by keras_mobilevit. */
    NOT_OURS("not_ours"),

    /** Bytes of the file are missing or wrong, or the runtime refuses its graph. */
    DAMAGED("damaged"),

    /** The file is whole, but of a form that this app cannot handle. */
    UNSUPPORTED("unsupported"),

    /** The arguments of a request. */
    BAD_REQUEST("bad_request"),
    OUT_OF_MEMORY("out_of_memory"),

    /** The accelerator is not on this device, or refuses the model. */
    ACCELERATOR_MISSING("accelerator_missing"),
    TOO_HOT("too_hot"),
    CANCELLED("cancelled"),

    /** A result or picture could not be written or read. */
    STORAGE("storage"),

    /** The runtime failed in another way. */
    RUNTIME("runtime"),

    /** The process of the run ended without a word. */
    CRASHED("crashed"),
}

/**
 * A run without a result.
 *
 * @property message what happened: what was expected, what was received.
 * @property advice what to do about it, a sentence of its own.
 */
data class Failure(
    val kind: FailureKind,
    val message: String,
    val advice: String,
)

/** A [Failure] on its way. */
class FailureException(
    val failure: Failure,
    cause: Throwable? = null,
) : Exception(failure.message, cause)
