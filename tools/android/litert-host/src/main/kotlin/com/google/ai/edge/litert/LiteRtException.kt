// LiteRT's Kotlin API, as far as the app uses it, for a desktop's JVM. Signatures as in
// google-ai-edge/LiteRT, commit f6745779, litert/kotlin. Not in the APK, where LiteRT's AAR has
// them.

package com.google.ai.edge.litert

/** A call of the runtime failed. Its status is private in the AAR, too. */
class LiteRtException(
    private val status: Status,
    message: String,
) : Exception(message) {
    constructor(code: Int, message: String) : this(Status.fromCode(code), message)
}

/** Status codes of `litert_common.h`. */
enum class Status(
    val code: Int,
) {
    Ok(0),
    ErrorInvalidArgument(1),
    ErrorMemoryAllocationFailure(2),
    ErrorRuntimeFailure(3),
    ErrorMissingInputTensor(4),
    ErrorUnsupported(5),
    ErrorNotFound(6),
    ErrorTimeoutExpired(7),
    ErrorWrongVersion(8),
    ErrorUnknown(9),
    ErrorAlreadyExists(10),
    ErrorCancelled(11),
    ErrorFileIO(500),
    ErrorInvalidFlatbuffer(501),
    ErrorDynamicLoading(502),
    ErrorSerialization(503),
    ErrorCompilation(504),
    ErrorIndexOOB(1000),
    ;

    companion object {
        fun fromCode(code: Int): Status = entries.firstOrNull { it.code == code } ?: ErrorUnknown
    }
}
