package org.kerasmobilevit.benchmark.ui.common

import java.util.concurrent.Executor
import java.util.concurrent.Executors

/** Where screens read files and decode photos. */
object Background {
    /** Tests put another one here. */
    @Volatile
    var executor: Executor = Executors.newCachedThreadPool()
}

/** Does [work], which files and apps of others can make fail in any way. */
fun <T> attempt(work: () -> T): Result<T> =
    try {
        Result.success(work())
    } catch (
        @Suppress("TooGenericExceptionCaught") e: Exception,
    ) {
        Result.failure(e)
    } catch (e: OutOfMemoryError) {
        Result.failure(e)
    }
