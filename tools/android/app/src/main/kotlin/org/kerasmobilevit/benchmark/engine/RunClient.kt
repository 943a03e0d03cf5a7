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

/** Runs in the service [RunService], whose process is new for each request. */
class RunClient(
    context: Context,
) : Runs {
    // Not an activity, which a rotation ends.
    private val context = context.applicationContext
    private val main = Handler(Looper.getMainLooper())
    private var session: Session? = null

    /** The process of the request before, which may take a moment to end. */
    private var last: IBinder? = null

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
                fail(Failure(FailureKind.CANCELLED, "The run was cancelled.", "Start it again."))
            } else {
                send(running, RunMessages.CANCEL, Bundle())
            }
        }

        fun end() {
            if (session !== this) return
            session = null
            if (isBound) context.unbindService(this)
            isBound = false
        }

        override fun onServiceConnected(
            name: ComponentName,
            binder: IBinder,
        ) {
            if (session !== this) return
            last = binder
            // A service that ended is started again, but not for the same request.
            if (service == null) send(Messenger(binder).also { service = it }, what, request)
        }

        override fun onServiceDisconnected(name: ComponentName) =
            fail(ProcessEnds.failure(context, pid))

        private fun handle(message: Message): Boolean {
            if (session !== this) return true
            val data = message.data
            when (message.what) {
                RunMessages.BEGUN -> {
                    pid = data.getInt(RunService.PID)
                }

                RunMessages.FINISHED -> {
                    end()
                    receiver.onFinished(File(checkNotNull(data.getString(RunService.FILE))))
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

        fun onFinished(file: File)

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

        override fun onFinished(file: File) = listener.onFinished(file)

        override fun onFailed(failure: Failure) = listener.onFailed(failure)
    }

    private class PhotoReceiver(
        private val listener: Runs.PhotoListener,
    ) : Receiver {
        override fun onMessage(message: Message) = Unit

        override fun onFinished(file: File) {
            val results =
                try {
                    PhotoFiles.read(file)
                } catch (
                    @Suppress("TooGenericExceptionCaught") error: Exception,
                ) {
                    listener.onFailed(Failures.of(error))
                    return
                }
            listener.onFinished(results)
        }

        override fun onFailed(failure: Failure) = listener.onFailed(failure)
    }

    private companion object {
        const val END_POLL_MS = 20L
        const val LONGEST_END_MS = 3000L
    }
}
