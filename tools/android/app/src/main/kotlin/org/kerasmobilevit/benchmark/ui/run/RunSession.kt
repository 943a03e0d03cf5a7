package org.kerasmobilevit.benchmark.ui.run

import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.RunClient
import org.kerasmobilevit.benchmark.engine.RunRequest
import org.kerasmobilevit.benchmark.engine.Runs
import java.io.File

/** A run that outlives the activity when the phone is turned. On the main thread only. */
class RunSession(private val runs: Runs) : RunClient.Listener {
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

    fun start(request: RunRequest) {
        this.request = request
        state = RunState.Preparing
        runs.start(request, this)
    }

    /** Starts the same again, however warm the phone is. */
    fun startAnyway() {
        val request = request ?: return
        if (state.isActive) runs.cancel()
        start(request.copy(ignoreHeat = true))
    }

    fun cancel() = runs.cancel()

    /** Back to the options. */
    fun reset() {
        state = RunState.Idle
    }

    fun close() {
        observer = null
        if (state.isActive) runs.cancel()
        runs.close()
    }

    override fun onProgress(done: Int, total: Int) {
        state = RunState.Measuring(done, total)
    }

    override fun onWaiting(headroom: Double, limit: Double) {
        state = RunState.Waiting(headroom, limit)
    }

    override fun onFinished(resultFile: File) {
        state = RunState.Finished(resultFile)
    }

    override fun onFailed(failure: Failure) {
        state = RunState.Failed(failure)
    }
}
