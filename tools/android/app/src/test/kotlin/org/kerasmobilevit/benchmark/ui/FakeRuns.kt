package org.kerasmobilevit.benchmark.ui

import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.FailureKind
import org.kerasmobilevit.benchmark.engine.PhotoRequest
import org.kerasmobilevit.benchmark.engine.RunRequest
import org.kerasmobilevit.benchmark.engine.Runs

/** Runs whose course a test decides on. */
class FakeRuns : Runs {
    val requests = mutableListOf<RunRequest>()
    val photos = mutableListOf<PhotoRequest>()
    var isClosed = false

    /** As in a process of its own, which does not end at once. */
    var endsLater = false
    private var listener: Runs.Listener? = null
    private var photoListener: Runs.PhotoListener? = null
    val isBusy get() = listener != null || photoListener != null

    override fun start(
        request: RunRequest,
        listener: Runs.Listener,
    ) {
        check(!isBusy) { "Another request has not ended yet." }
        requests += request
        this.listener = listener
    }

    override fun start(
        request: PhotoRequest,
        listener: Runs.PhotoListener,
    ) {
        check(!isBusy) { "Another request has not ended yet." }
        photos += request
        photoListener = listener
    }

    override fun cancel() {
        if (!endsLater) endCancelled()
    }

    fun endCancelled() =
        fail(Failure(FailureKind.CANCELLED, "The run was cancelled.", "Start it again."))

    override fun close() {
        isClosed = true
        listener = null
        photoListener = null
    }

    /** What the service would say. */
    fun say(message: Runs.Listener.() -> Unit) = checkNotNull(listener).message()

    /** Ends the measurement. */
    fun end(message: Runs.Listener.() -> Unit) {
        val ended = checkNotNull(listener)
        listener = null
        ended.message()
    }

    /** Ends the photo. */
    fun endPhoto(message: Runs.PhotoListener.() -> Unit) {
        val ended = checkNotNull(photoListener)
        photoListener = null
        ended.message()
    }

    /** Ends either of them, if there is one. */
    fun fail(failure: Failure) {
        if (listener != null) end { onFailed(failure) }
        if (photoListener != null) endPhoto { onFailed(failure) }
    }
}
