package org.kerasmobilevit.benchmark.engine

import android.content.Context

/** Runs in the service [RunService], whose process is new for each request. */
class RunClient(
    private val context: Context,
) : Runs {
    override fun start(
        request: RunRequest,
        listener: Runs.Listener,
    ): Unit = TODO()

    override fun start(
        request: PhotoRequest,
        listener: Runs.PhotoListener,
    ): Unit = TODO()

    override fun cancel(): Unit = TODO()

    override fun close(): Unit = TODO()
}
