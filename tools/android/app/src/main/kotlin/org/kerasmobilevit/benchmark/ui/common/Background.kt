package org.kerasmobilevit.benchmark.ui.common

import java.util.concurrent.Executor
import java.util.concurrent.Executors

/** Where screens read files and decode photos. */
object Background {
    /** Tests put another one here. */
    @Volatile
    var executor: Executor = Executors.newCachedThreadPool()
}
