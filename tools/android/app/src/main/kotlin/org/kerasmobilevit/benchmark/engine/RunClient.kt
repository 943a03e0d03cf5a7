package org.kerasmobilevit.benchmark.engine

import android.content.ComponentName
import android.content.Context
import android.content.Intent
import android.content.ServiceConnection
import android.os.Bundle
import android.os.Handler
import android.os.IBinder
import android.os.Looper
import android.os.Message
import android.os.Messenger
import android.os.RemoteException
import android.os.SystemClock
import java.io.File
import kotlin.concurrent.thread

/** Runs in the service [RunService], whose process is new for each request. */
class RunClient(
    context: Context,
) : Runs {
    // Not an activity, which a rotation ends.
    private val context = context.applicationContext
    private val main = Handler(Looper.getMainLooper())
    private var session: Session? = null

    override fun start(
        request: RunRequest,
        listener: Runs.Listener,
    ) = start(RunMessages.MEASURE, RunMessages.of(request), MeasureReceiver(listener))

    override fun start(
        request: PhotoRequest,
        listener: Runs.PhotoListener,
    ) = start(RunMessages.CLASSIFY, RunMessages.of(request), PhotoReceiver(listener))

    override fun cancel() {
        session?.cancel()
    }

    override fun close() {
        session?.end()
    }

    private fun start(
        what: Int,
        request: Bundle,
        receiver: Receiver,
    ) {
        check(session == null) { "Another request has not ended yet." }
        val started = Session(what, request, receiver)
        session = started
        started.bind(SystemClock.uptimeMillis())
    }

    /** One request, from its start to its end. */
    private inner class Session(
        private val what: Int,
        private val request: Bundle,
        private val receiver: Receiver,
    ) : ServiceConnection {
        private val replies = Messenger(Handler(Looper.getMainLooper(), ::handle))
        private var service: Messenger? = null
        private var isBound = false
        private var pid = 0

        fun bind(since: Long) {
            if (session !== this) return
            val isWaiting = SystemClock.uptimeMillis() - since < LONGEST_END_MS
            if (last?.isBinderAlive == true && isWaiting) {
                main.postDelayed({ bind(since) }, END_POLL_MS)
                return
            }
            val intent = Intent(context, RunService::class.java)
            // Important: with the cores of the app on the screen, not of a background service.
            isBound = true
            val flags = Context.BIND_AUTO_CREATE or Context.BIND_IMPORTANT
            if (!context.bindService(intent, this, flags)) {
                fail(ProcessEnds.unknown("Android did not start the service."))
            }
        }

        fun cancel() {
            val running = service
            if (running == null) {
                fail(cancelled)
            } else {
                send(running, RunMessages.CANCEL, Bundle())
                // Loading a model, or one slow inference, cannot be interrupted.
                main.postDelayed({ fail(cancelled) }, LONGEST_CANCEL_MS)
            }
        }

        fun end() {
            if (session !== this) return
            session = null
            leave()
        }

        /** The service has no other client, so that its process ends. */
        private fun leave() {
            val wasBound = isBound
            isBound = false
            service = null
            if (wasBound) context.unbindService(this)
        }

        override fun onServiceConnected(
            name: ComponentName,
            binder: IBinder,
        ) {
            if (session !== this || !isBound) return
            last = binder
            // A service that ended is started again, but not for the same request.
            if (service == null) send(Messenger(binder).also { service = it }, what, request)
        }

        override fun onServiceDisconnected(name: ComponentName) {
            if (isBound) fail(ProcessEnds.failure(context, pid))
        }

        private fun handle(message: Message): Boolean {
            if (session !== this) return true
            val data = message.data
            when (message.what) {
                RunMessages.BEGUN -> {
                    pid = data.getInt(RunService.PID)
                }

                RunMessages.FINISHED -> {
                    leave()
                    deliver(File(checkNotNull(data.getString(RunService.FILE))))
                }

                RunMessages.FAILED -> {
                    fail(RunMessages.failure(data))
                }

                else -> {
                    receiver.onMessage(message)
                }
            }
            return true
        }

        /** Reads what the run left, which may take a while. */
        private fun deliver(file: File) {
            thread(name = "results") {
                val tell = receiver.read(file)
                main.post {
                    if (session === this) {
                        end()
                        tell()
                    }
                }
            }
        }

        private fun fail(failure: Failure) {
            if (session !== this) return
            end()
            receiver.onFailed(failure)
        }

        private fun send(
            to: Messenger,
            what: Int,
            data: Bundle,
        ) {
            val message = Message.obtain(null, what)
            message.data = data
            message.replyTo = replies
            try {
                to.send(message)
            } catch (_: RemoteException) {
                fail(ProcessEnds.failure(context, pid))
            }
        }
    }

    private interface Receiver {
        fun onMessage(message: Message)

        /** On another thread; what it returns is called on the main thread. */
        fun read(file: File): () -> Unit

        fun onFailed(failure: Failure)
    }

    private class MeasureReceiver(
        private val listener: Runs.Listener,
    ) : Receiver {
        override fun onMessage(message: Message) {
            val data = message.data
            when (message.what) {
                RunMessages.PROGRESS -> {
                    listener.onProgress(data.getInt(RunService.DONE), data.getInt(RunService.TOTAL))
                }

                RunMessages.WAITING -> {
                    listener.onWaiting(
                        data.getDouble(RunService.HEADROOM),
                        data.getDouble(RunService.LIMIT),
                    )
                }
            }
        }

        override fun read(file: File): () -> Unit = { listener.onFinished(file) }

        override fun onFailed(failure: Failure) = listener.onFailed(failure)
    }

    private class PhotoReceiver(
        private val listener: Runs.PhotoListener,
    ) : Receiver {
        override fun onMessage(message: Message) = Unit

        override fun read(file: File): () -> Unit =
            // Errors too: being out of memory is one.
            try {
                val results = PhotoFiles.read(file);
                { listener.onFinished(results) }
            } catch (
                @Suppress("TooGenericExceptionCaught") error: Throwable,
            ) {
                { listener.onFailed(Failures.of(error)) }
            }

        override fun onFailed(failure: Failure) = listener.onFailed(failure)
    }

    internal companion object {
        private const val END_POLL_MS = 20L
        private const val LONGEST_END_MS = 3000L
        private const val LONGEST_CANCEL_MS = 1500L

        private val cancelled =
            Failure(FailureKind.CANCELLED, "The run was cancelled.", "Start it again.")

        /** The process of the request before, of any client, which may take a moment to end. */
        var last: IBinder? = null
    }
}
