package org.kerasmobilevit.benchmark.ui.photo

import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.PhotoRequest
import org.kerasmobilevit.benchmark.engine.PhotoResult
import org.kerasmobilevit.benchmark.engine.Runs

/** How far the models are with a photo. */
sealed interface PhotoState {
    data object Idle : PhotoState

    data object Running : PhotoState

    data class Done(
        val results: List<PhotoResult>,
    ) : PhotoState

    data class Failed(
        val failure: Failure,
    ) : PhotoState
}

/** A request that outlives the activity when the phone is turned. On the main thread only. */
class PhotoSession(
    private val runs: Runs,
) : Runs.PhotoListener {
    /** Told of each state, at once of the present one. */
    var observer: ((PhotoState) -> Unit)? = null
        set(value) {
            field = value
            value?.invoke(state)
        }

    var state: PhotoState = PhotoState.Idle
        private set(value) {
            field = value
            observer?.invoke(value)
        }

    /** What to start as soon as the request before it has ended. */
    private var next: PhotoRequest? = null

    /** Drops the request before it. */
    fun start(request: PhotoRequest) {
        if (state is PhotoState.Running) {
            val waits = next != null
            next = request
            if (!waits) runs.cancel()
        } else {
            state = PhotoState.Running
            runs.start(request, this)
        }
    }

    fun cancel() {
        next = null
        runs.cancel()
    }

    fun close() {
        observer = null
        runs.close()
    }

    override fun onFinished(results: List<PhotoResult>) = end(PhotoState.Done(results))

    override fun onFailed(failure: Failure) = end(PhotoState.Failed(failure))

    private fun end(state: PhotoState) {
        val request = next
        next = null
        if (request == null) {
            this.state = state
        } else {
            runs.start(request, this)
        }
    }
}
