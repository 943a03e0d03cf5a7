package org.kerasmobilevit.benchmark

import android.app.Activity
import android.app.Instrumentation
import android.content.Intent
import android.os.Bundle
import org.kerasmobilevit.benchmark.engine.BenchmarkJob
import org.kerasmobilevit.benchmark.engine.DeviceFacts
import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.FailureException
import org.kerasmobilevit.benchmark.engine.FailureKind
import org.kerasmobilevit.benchmark.engine.Failures
import org.kerasmobilevit.benchmark.engine.ProgressLimit
import org.kerasmobilevit.benchmark.engine.RunRequest
import org.kerasmobilevit.benchmark.engine.SystemTime
import org.kerasmobilevit.benchmark.engine.Thermals
import org.kerasmobilevit.core.BenchmarkOptions
import org.kerasmobilevit.core.Chunks
import org.kerasmobilevit.core.MeasurementListener
import java.io.File
import java.security.MessageDigest
import java.util.Locale

/**
 * Measures from a computer, in a new process, and hands the document back on adb's output:
 *
 *     adb shell am instrument -w -r -e model FILE -e threads 4 \
 *         org.kerasmobilevit.benchmark/.BenchmarkInstrumentation
 *
 * All arguments but the file are those of [BenchmarkOptions.parse].
 */
open class BenchmarkInstrumentation : Instrumentation() {
    private lateinit var arguments: Bundle

    override fun onCreate(arguments: Bundle?) {
        super.onCreate(arguments)
        this.arguments = arguments ?: Bundle()
        start()
    }

    override fun onStart() {
        super.onStart()
        // Errors too: being out of memory is one.
        try {
            val text = measure()
            send(text)
        } catch (
            @Suppress("TooGenericExceptionCaught") error: Throwable,
        ) {
            val failure = Failures.of(error)
            finish(
                Activity.RESULT_CANCELED,
                Bundle().apply {
                    putString("error", failure.kind.key)
                    putString("message", failure.message)
                    putString("advice", failure.advice)
                },
            )
        }
    }

    /** The document, as JSON. */
    protected open fun measure(): String {
        val request = request()
        val facts = DeviceFacts(targetContext)
        toForeground(facts)
        return Thermals(targetContext).use { heat ->
            BenchmarkJob(facts, heat).run(request, { false }, ProgressLimit(Teller())).toText()
        }
    }

    private fun request(): RunRequest {
        val texts = arguments.keySet().associateWith { arguments.getString(it).orEmpty() }
        val model =
            texts["model"]
                ?: throw FailureException(
                    Failure(
                        FailureKind.BAD_REQUEST,
                        "Expected the argument model, the path of a .tflite file. Received: " +
                            "${texts.keys}",
                        "Add `-e model FILE`.",
                    ),
                )
        return RunRequest(File(model), BenchmarkOptions.parse(texts - "model"))
    }

    /** Else Android schedules this process as one in the background; the result says which. */
    private fun toForeground(facts: DeviceFacts) {
        targetContext.startActivity(
            Intent(targetContext, MeasuringActivity::class.java)
                .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_NO_ANIMATION),
        )
        val end = SystemTime.nanos() + FOREGROUND_NANOS
        while (!facts.isForeground() && SystemTime.nanos() < end) SystemTime.sleep(POLL_MS)
        // It draws its window, and then has nothing more to do.
        SystemTime.sleep(SETTLE_MS)
    }

    private fun send(text: String) {
        val bytes = text.toByteArray()
        val chunks = Chunks.split(text)
        chunks.forEachIndexed { index, chunk ->
            sendStatus(
                STATUS_CHUNK,
                Bundle().apply {
                    putInt("index", index)
                    putString("chunk", chunk)
                },
            )
        }
        val hash = MessageDigest.getInstance("SHA-256").digest(bytes)
        finish(
            Activity.RESULT_OK,
            Bundle().apply {
                putInt("chunks", chunks.size)
                putInt("bytes", bytes.size)
                putString("sha256", hash.joinToString("") { "%02x".format(Locale.ROOT, it) })
            },
        )
    }

    private inner class Teller : MeasurementListener {
        override fun onProgress(
            done: Int,
            total: Int,
        ) = tell("progress", "$done/$total")

        override fun onWaiting(
            headroom: Double,
            limit: Double,
        ) = tell(
            "waiting",
            String.format(Locale.ROOT, "headroom %.2f, limit %.2f", headroom, limit),
        )

        private fun tell(
            key: String,
            value: String,
        ) = sendStatus(STATUS_PROGRESS, Bundle().apply { putString(key, value) })
    }

    private companion object {
        const val STATUS_CHUNK = 1
        const val STATUS_PROGRESS = 2
        const val FOREGROUND_NANOS = 5_000_000_000L
        const val POLL_MS = 50L
        const val SETTLE_MS = 500L
    }
}
