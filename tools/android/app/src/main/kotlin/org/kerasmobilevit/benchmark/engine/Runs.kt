package org.kerasmobilevit.benchmark.engine

import java.io.File

/**
 * Measures in a process of its own, one request at a time. All calls, also those of the listeners,
 * are on the main thread.
 */
interface Runs : AutoCloseable {
    /** Hears of one request, which ends with [onFinished] or [onFailed]. */
    interface Listener {
        /** At most a few times a second. */
        fun onProgress(
            done: Int,
            total: Int,
        )

        /** The phone is too hot; the run begins when it has cooled down. */
        fun onWaiting(
            headroom: Double,
            limit: Double,
        )

        /** @param resultFile a document in `filesDir/results`, with one result. */
        fun onFinished(resultFile: File)

        fun onFailed(failure: Failure)
    }

    /** Hears of a photo, once. */
    interface PhotoListener {
        /** @param results one for each model, in the order of the request. */
        fun onFinished(results: List<PhotoResult>)

        fun onFailed(failure: Failure)
    }

    /** @throws IllegalStateException if another request has not ended yet. */
    fun start(
        request: RunRequest,
        listener: Listener,
    )

    /** @throws IllegalStateException if another request has not ended yet. */
    fun start(
        request: PhotoRequest,
        listener: PhotoListener,
    )

    /** Ends the request, if there is one; its listener hears [FailureKind.CANCELLED]. */
    fun cancel()

    /** Ends the request, if there is one; its listener hears no more. */
    override fun close()
}
