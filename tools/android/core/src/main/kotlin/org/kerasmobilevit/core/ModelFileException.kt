package org.kerasmobilevit.core

/** A file that is none of ours, damaged or not supported; [advice] says what to do about it. */
class ModelFileException(
    message: String,
    val advice: String,
) : Exception(message)
