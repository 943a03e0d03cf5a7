package org.kerasmobilevit.benchmark.ui.run

import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.FailureKind
import org.kerasmobilevit.benchmark.engine.RunRequest
import org.kerasmobilevit.benchmark.engine.Runs
import java.io.File

/** A run that outlives the activity when the phone is turned. On the main thread only. */
class RunSession(
    private val runs: Runs,
) : Runs.Listener {
    /** Told of each state, at once of the present one. */
    var observer: ((RunState) -> Unit)? = null
        set(value) {
            field = value
            value?.invoke(state)
        }

    var state: RunState = RunState.Idle
        private set(value) {
            field = value
            observer?.invoke(value)
        }

    private var request: RunRequest? = null

    /** Whether to start again as soon as the cancelled run has ended. */
    private var restarts = false

    fun start(request: RunRequest) {
        this.request = request
        state = RunState.Preparing
        runs.start(request, this)
    }

    /** Runs the same, however hot the phone is. */
    fun startAnyway() {
        val request = request?.copy(ignoreHeat = true) ?: return
        if (!state.isActive) return start(request)
        this.request = request
        restarts = true
        runs.cancel()
    }

    fun cancel() {
        restarts = false
        runs.cancel()
    }

    /** Back to the options. */
    fun reset() {
        state = RunState.Idle
    }

    fun close() {
        observer = null
        runs.close()
    }

    override fun onProgress(
        done: Int,
        total: Int,
    ) {
        state = RunState.Measuring(done, total)
    }

    override fun onWaiting(
        headroom: Double,
        limit: Double,
    ) {
        state = RunState.Waiting(headroom, limit)
    }

    override fun onFinished(resultFile: File) {
        restarts = false
        state = RunState.Finished(resultFile)
    }

    override fun onFailed(failure: Failure) {
        val request = request
        val starts = restarts && failure.kind == FailureKind.CANCELLED
        restarts = false
        if (starts && request != null) {
            start(request)
        } else {
            state = RunState.Failed(failure)
        }
    }
}
