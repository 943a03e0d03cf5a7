package org.kerasmobilevit.benchmark.ui.common

import android.os.Handler
import android.os.Looper

/**
 * Work off the main thread that outlives an activity: its outcome waits for the next one.
 *
 * Keep it in `onRetainNonConfigurationInstance`. On the main thread only, but for the work itself.
 */
class Task<T : Any> {
    private val main = Handler(Looper.getMainLooper())
    private var outcome: T? = null

    /** Told of each outcome, once. */
    var observer: ((T) -> Unit)? = null
        set(value) {
            field = value
            deliver()
        }

    fun start(work: () -> T) =
        Background.executor.execute {
            val done = work()
            main.post {
                outcome = done
                deliver()
            }
        }

    private fun deliver() {
        val observer = observer ?: return
        val done = outcome ?: return
        outcome = null
        observer(done)
    }
}
