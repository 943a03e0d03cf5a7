package org.kerasmobilevit.benchmark.engine

import com.google.ai.edge.litert.LiteRtException
import org.kerasmobilevit.core.MeasurementCancelledException
import org.kerasmobilevit.core.ModelFileException
import org.kerasmobilevit.core.ModelFileProblem
import org.kerasmobilevit.core.TooHotException
import java.io.IOException

/** Which failure an exception is. */
object Failures {
    fun of(error: Throwable): Failure =
        when (error) {
            is FailureException -> {
                error.failure
            }

            is ModelFileException -> {
                Failure(kind(error.problem), error.message.orEmpty(), error.advice)
            }

            is TooHotException -> {
                Failure(
                    FailureKind.TOO_HOT,
                    error.message.orEmpty(),
                    "Let the phone cool down out of its case and off the charger, or measure " +
                        "anyway; the result says how hot it was.",
                )
            }

            is MeasurementCancelledException -> {
                Failure(FailureKind.CANCELLED, error.message.orEmpty(), "Start it again.")
            }

            is OutOfMemoryError -> {
                outOfMemory(error.message.orEmpty())
            }

            is LiteRtException -> {
                ofRuntime(error)
            }

            is IOException -> {
                Failure(
                    FailureKind.STORAGE,
                    describe(error),
                    "Check that the phone has free storage, and try again.",
                )
            }

            is IllegalArgumentException -> {
                Failure(
                    FailureKind.BAD_REQUEST,
                    describe(error),
                    "Check the options. If they are right, report it with this message.",
                )
            }

            else -> {
                Failure(
                    FailureKind.RUNTIME,
                    describe(error),
                    "Try the other accelerator; if that fails too, report it with this message.",
                )
            }
        }

    fun outOfMemory(message: String) =
        Failure(
            FailureKind.OUT_OF_MEMORY,
            "There was not enough memory. $message".trim(),
            "Close other apps, or use a smaller model.",
        )

    fun missingFile(path: String) =
        Failure(
            FailureKind.MISSING_FILE,
            "Expected a .tflite file that this app may read. Received: $path",
            "Push it to /data/local/tmp, or open it in the app.",
        )

    private fun kind(problem: ModelFileProblem) =
        when (problem) {
            ModelFileProblem.UNREADABLE -> FailureKind.MISSING_FILE
            ModelFileProblem.NOT_OURS -> FailureKind.NOT_OURS
            ModelFileProblem.DAMAGED -> FailureKind.DAMAGED
            ModelFileProblem.UNSUPPORTED -> FailureKind.UNSUPPORTED
        }

    // The status of a LiteRtException is private; its name is in the message.
    private fun ofRuntime(error: LiteRtException): Failure =
        if ("MemoryAllocation" in error.message.orEmpty()) {
            outOfMemory(error.message.orEmpty())
        } else {
            Failure(
                FailureKind.RUNTIME,
                "LiteRT failed: ${error.message}",
                "Check the file with `keras-mobilevit inspect --self-test`.",
            )
        }

    private fun describe(error: Throwable) = error.message ?: error.javaClass.simpleName
}
