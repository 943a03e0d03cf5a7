package org.kerasmobilevit.benchmark.ui.common

import android.content.res.Resources
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.FailureException
import org.kerasmobilevit.benchmark.engine.FailureKind
import org.kerasmobilevit.benchmark.engine.Failures
import java.io.IOException

/** The note that tells of a failure. */
fun Failure.toNote(resources: Resources): Note {
    // The user did it: nothing went wrong.
    val look = if (kind == FailureKind.CANCELLED) NoteKind.WARNING else NoteKind.ERROR
    return Note(look, resources.getString(title(kind)), message, advice)
}

/** The note that tells of what failed in the app itself. */
fun Throwable.toNote(resources: Resources): Note =
    when (this) {
        is FailureException, is IOException, is OutOfMemoryError -> {
            Failures.of(this).toNote(resources)
        }

        else -> {
            Note(
                NoteKind.ERROR,
                resources.getString(R.string.failure_unexpected),
                message ?: javaClass.simpleName,
                resources.getString(R.string.failure_unexpected_advice),
            )
        }
    }

private fun title(kind: FailureKind): Int =
    when (kind) {
        FailureKind.MISSING_FILE -> R.string.failure_missing
        FailureKind.NOT_OURS -> R.string.failure_not_ours
        FailureKind.DAMAGED -> R.string.failure_damaged
        FailureKind.UNSUPPORTED -> R.string.failure_unsupported
        FailureKind.BAD_REQUEST -> R.string.failure_request
        FailureKind.OUT_OF_MEMORY -> R.string.failure_memory
        FailureKind.ACCELERATOR_MISSING -> R.string.failure_accelerator
        FailureKind.TOO_HOT -> R.string.failure_hot
        FailureKind.CANCELLED -> R.string.failure_cancelled
        FailureKind.STORAGE -> R.string.failure_storage
        FailureKind.RUNTIME -> R.string.failure_runtime
        FailureKind.CRASHED -> R.string.failure_crashed
    }
