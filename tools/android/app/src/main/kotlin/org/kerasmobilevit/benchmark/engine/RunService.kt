package org.kerasmobilevit.benchmark.engine

import android.app.Service
import android.content.Intent
import android.os.Bundle
import android.os.Handler
import android.os.IBinder
import android.os.Looper
import android.os.Message
import android.os.Messenger
import android.os.Process
import android.os.RemoteException
import org.kerasmobilevit.core.MeasurementListener
import java.io.File
import kotlin.concurrent.thread

/**
 * Runs one request of a [RunClient], then its process ends: LiteRT's environment is shared within
 * a process, so that a second run in it would not be the same.
 */
class RunService : Service() {
    private val messenger = Messenger(Handler(Looper.getMainLooper(), ::handle))

    @Volatile
    private var isCancelled = false
    private var isUsed = false

    override fun onBind(intent: Intent): IBinder = messenger.binder

    override fun onUnbind(intent: Intent): Boolean {
        isCancelled = true
        return false
    }

    override fun onDestroy() {
        super.onDestroy()
        Process.killProcess(Process.myPid())
    }

    private fun handle(message: Message): Boolean {
        val client = message.replyTo
        val data = message.data
        when (message.what) {
            RunMessages.CANCEL -> isCancelled = true
            RunMessages.MEASURE -> once(client) { measure(RunMessages.runRequest(data), client) }
            RunMessages.CLASSIFY -> once(client) { classify(RunMessages.photoRequest(data)) }
            else -> return false
        }
        return true
    }

    /** Runs [job] in the background; what it gives is a file. */
    private fun once(
        client: Messenger,
        job: () -> File,
    ) {
        check(!isUsed) { "This process has had a request already." }
        isUsed = true
        send(client, RunMessages.BEGUN, Bundle().apply { putInt(PID, Process.myPid()) })
        thread(name = "run") {
            // Errors too: being out of memory is one.
            val (what, data) =
                try {
                    RunMessages.FINISHED to Bundle().apply { putString(FILE, job().path) }
                } catch (
                    @Suppress("TooGenericExceptionCaught") error: Throwable,
                ) {
                    RunMessages.FAILED to RunMessages.of(Failures.of(error))
                }
            send(client, what, data)
        }
    }

    private fun measure(
        request: RunRequest,
        client: Messenger,
    ): File =
        Thermals(this).use { heat ->
            val document =
                BenchmarkJob(DeviceFacts(this), heat)
                    .run(request, { isCancelled }, ProgressLimit(Teller(client)))
            Results(this).write(document)
        }

    private fun classify(request: PhotoRequest): File =
        File(cacheDir, "photo/outputs").also {
            PhotoFiles.write(it, PhotoJob(DeviceFacts(this)).run(request) { isCancelled })
        }

    private inner class Teller(
        private val client: Messenger,
    ) : MeasurementListener {
        override fun onProgress(
            done: Int,
            total: Int,
        ) = send(
            client,
            RunMessages.PROGRESS,
            Bundle().apply {
                putInt(DONE, done)
                putInt(TOTAL, total)
            },
        )

        override fun onWaiting(
            headroom: Double,
            limit: Double,
        ) = send(
            client,
            RunMessages.WAITING,
            Bundle().apply {
                putDouble(HEADROOM, headroom)
                putDouble(LIMIT, limit)
            },
        )
    }

    private fun send(
        client: Messenger,
        what: Int,
        data: Bundle,
    ) {
        try {
            client.send(Message.obtain(null, what).apply { this.data = data })
        } catch (_: RemoteException) {
            isCancelled = true // Nobody is left to hear of it.
        }
    }

    internal companion object {
        const val PID = "pid"
        const val FILE = "file"
        const val DONE = "done"
        const val TOTAL = "total"
        const val HEADROOM = "headroom"
        const val LIMIT = "limit"
    }
}
