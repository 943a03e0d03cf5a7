package org.kerasmobilevit.benchmark.engine

import android.os.Bundle
import org.kerasmobilevit.core.BenchmarkOptions
import java.io.File

/** What goes between [RunClient] and [RunService], as messages with bundles. */
internal object RunMessages {
    // To the service:
    const val MEASURE = 1
    const val CLASSIFY = 2
    const val CANCEL = 3

    // From the service:
    const val BEGUN = 11
    const val PROGRESS = 12
    const val WAITING = 13
    const val FINISHED = 14
    const val FAILED = 15

    private const val MODEL = "model"
    private const val PICTURE = "picture"
    private const val IGNORE_HEAT = "ignore_heat"
    private const val OPTIONS = "options"
    private const val THREADS = "threads"
    private const val KIND = "kind"
    private const val MESSAGE = "message"
    private const val ADVICE = "advice"

    fun of(request: RunRequest) =
        Bundle().apply {
            putString(MODEL, request.model.path)
            putBoolean(IGNORE_HEAT, request.ignoreHeat)
            putBundle(
                OPTIONS,
                Bundle().apply {
                    OptionArguments.of(request.options).forEach { (key, value) ->
                        putString(key, value)
                    }
                },
            )
        }

    fun runRequest(bundle: Bundle): RunRequest {
        val options = checkNotNull(bundle.getBundle(OPTIONS))
        return RunRequest(
            File(checkNotNull(bundle.getString(MODEL))),
            BenchmarkOptions.parse(
                options.keySet().associateWith { checkNotNull(options.getString(it)) },
            ),
            bundle.getBoolean(IGNORE_HEAT),
        )
    }

    fun of(request: PhotoRequest) =
        Bundle().apply {
            putStringArray(MODEL, request.models.map { it.path }.toTypedArray())
            putString(PICTURE, request.picture.path)
            request.threads?.let { putInt(THREADS, it) }
        }

    fun photoRequest(bundle: Bundle) =
        PhotoRequest(
            checkNotNull(bundle.getStringArray(MODEL)).map { File(it) },
            File(checkNotNull(bundle.getString(PICTURE))),
            bundle.getInt(THREADS).takeIf { it > 0 },
        )

    fun of(failure: Failure) =
        Bundle().apply {
            putString(KIND, failure.kind.name)
            putString(MESSAGE, failure.message)
            putString(ADVICE, failure.advice)
        }

    fun failure(bundle: Bundle) =
        Failure(
            FailureKind.valueOf(checkNotNull(bundle.getString(KIND))),
            bundle.getString(MESSAGE).orEmpty(),
            bundle.getString(ADVICE).orEmpty(),
        )
}
