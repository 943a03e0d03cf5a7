package org.kerasmobilevit.core

/**
 * A file that cannot be used: not one of ours, damaged, or of a form that is not supported.
 *
 * @param message what was expected and what was found.
 * @property advice what the user can do about it, a sentence of its own.
 */
class ModelFileException(
    message: String,
    val advice: String,
    cause: Throwable? = null,
) : Exception(message, cause)
