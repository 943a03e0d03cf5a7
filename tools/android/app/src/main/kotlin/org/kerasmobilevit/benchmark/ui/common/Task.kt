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
    private val outcomes = ArrayDeque<T>()

    /** Told of each outcome, once, in the order in which the works ended. */
    var observer: ((T) -> Unit)? = null
        set(value) {
            field = value
            deliver()
        }

    /** @param failed makes an outcome of what went wrong. */
    fun start(
        work: () -> T,
        failed: (Throwable) -> T,
    ) = Background.executor.execute {
        val done = attempt(work).getOrElse(failed)
        main.post {
            outcomes += done
            deliver()
        }
    }

    private fun deliver() {
        while (true) {
            val observer = observer ?: return
            observer(outcomes.removeFirstOrNull() ?: return)
        }
    }
}
