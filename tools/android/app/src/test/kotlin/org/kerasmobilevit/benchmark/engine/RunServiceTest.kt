package org.kerasmobilevit.benchmark.engine

import android.content.ComponentName
import android.content.Intent
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.os.Message
import android.os.Messenger
import android.os.Process
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.kerasmobilevit.benchmark.TestFiles
import org.kerasmobilevit.benchmark.Waiting.until
import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.BenchmarkOptions
import org.kerasmobilevit.core.Prediction
import org.kerasmobilevit.core.ResultDocument
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowProcess
import java.io.File
import java.time.Duration

/** The service, and the client that talks to it, in one process. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [24, 35])
class RunServiceTest {
    private val context = RuntimeEnvironment.getApplication()
    private val service = Robolectric.buildService(RunService::class.java).create()
    private val name = ComponentName(context, RunService::class.java)
    private val options = BenchmarkOptions(threads = 1, runs = 5, warmup = 1)
    private val heard = mutableListOf<String>()
    private var file: File? = null
    private var failure: Failure? = null

    private val listener =
        object : Runs.Listener {
            override fun onProgress(
                done: Int,
                total: Int,
            ) {
                heard += "$done/$total"
            }

            override fun onWaiting(
                headroom: Double,
                limit: Double,
            ) {
                heard += "waiting"
            }

            override fun onFinished(resultFile: File) {
                file = resultFile
            }

            override fun onFailed(failure: Failure) {
                this@RunServiceTest.failure = failure
            }
        }

    private fun client(): RunClient {
        RunClient.last = null // Here it is this process, which does not end.
        val binder = service.get().onBind(Intent())
        shadowOf(context).setComponentNameAndServiceForBindService(name, binder)
        return RunClient(context)
    }

    @Test
    fun `a run leaves a result in the history`() {
        client().start(RunRequest(TestFiles.int8, options), listener)
        until { file != null || failure != null }
        assertEquals(null, failure)
        assertEquals(listOf(file), Results(context).files())
        val (result) = ResultDocument.parse(file!!.readText()).results
        assertEquals(5, result.samples.ms.size)
        assertEquals("5/5", heard.last())
        assertTrue(shadowOf(context).boundServiceConnections.isEmpty())
    }

    @Test
    fun `failures arrive with their kind and advice`() {
        client().start(RunRequest(TestFiles.photo, options), listener)
        until { failure != null }
        assertEquals(FailureKind.NOT_OURS, failure!!.kind)
        assertFalse(failure!!.advice.isEmpty())
        assertTrue(Results(context).files().isEmpty())
    }

    @Test
    fun `the options arrive`() {
        val request =
            RunRequest(
                TestFiles.int8,
                BenchmarkOptions(AcceleratorChoice.GPU, 3, 7, 1.5, 2, 0.75, 9, 4),
                ignoreHeat = true,
            )
        assertEquals(request, RunMessages.runRequest(RunMessages.of(request)))
        val default = RunRequest(TestFiles.int8, BenchmarkOptions())
        assertEquals(default, RunMessages.runRequest(RunMessages.of(default)))
    }

    @Test
    fun `a run can be cancelled`() {
        val client = client()
        client.start(RunRequest(TestFiles.int8, options.copy(seconds = 600.0)), listener)
        until { heard.isNotEmpty() }
        client.cancel()
        until { failure != null }
        assertEquals(FailureKind.CANCELLED, failure!!.kind)
        assertTrue(Results(context).files().isEmpty())
    }

    @Test
    fun `a run that does not hear of it is cancelled, too`() {
        // Started without an answer: as one that loads a large model.
        val deaf = Messenger(Handler(Looper.getMainLooper()) { true }).binder
        shadowOf(context).setComponentNameAndServiceForBindService(name, deaf)
        RunClient.last = null
        val client = RunClient(context)
        client.start(RunRequest(TestFiles.int8, options), listener)
        shadowOf(Looper.getMainLooper()).idle()
        client.cancel()
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(1000))
        assertEquals(null, failure)
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(1000))
        assertEquals(FailureKind.CANCELLED, failure!!.kind)
        assertTrue(shadowOf(context).boundServiceConnections.isEmpty())
    }

    @Test
    fun `after close nothing is heard`() {
        val client = client()
        client.start(RunRequest(TestFiles.int8, options.copy(seconds = 600.0)), listener)
        until { heard.isNotEmpty() }
        client.close()
        service.unbind() // As Android does when the last client has gone.
        val before = heard.size
        repeat(10) {
            Thread.sleep(20)
            shadowOf(Looper.getMainLooper()).idle()
        }
        assertEquals(before, heard.size)
        assertEquals(null, failure)
    }

    @Test
    fun `one request at a time`() {
        val client = client()
        client.start(RunRequest(TestFiles.int8, options), listener)
        assertThrows(IllegalStateException::class.java) {
            client.start(RunRequest(TestFiles.int8, options), listener)
        }
        until { file != null }
    }

    @Test
    fun `a process that ends is a failure`() {
        val client = client()
        client.start(RunRequest(TestFiles.int8, options.copy(seconds = 600.0)), listener)
        until { heard.isNotEmpty() }
        shadowOf(context).boundServiceConnections.single().onServiceDisconnected(name)
        assertEquals(FailureKind.CRASHED, failure!!.kind)
        service.unbind()
    }

    @Test
    fun `the process ends with the service`() {
        service.destroy()
        assertTrue(ShadowProcess.wasKilled(Process.myPid()))
    }

    @Test
    fun `a second request in one process is refused`() {
        val binder = Messenger(service.get().onBind(Intent()))
        val replies = mutableListOf<Int>()
        val client = Messenger(Handler(Looper.getMainLooper()) { replies.add(it.what) })

        fun send() =
            binder.send(
                Message.obtain(null, RunMessages.MEASURE).apply {
                    data = RunMessages.of(RunRequest(TestFiles.int8, options))
                    replyTo = client
                },
            )
        send()
        until { RunMessages.FINISHED in replies }
        send()
        assertThrows(IllegalStateException::class.java) {
            shadowOf(Looper.getMainLooper()).idle()
        }
    }

    @Test
    fun `a photo is classified by several models`() {
        var found: List<PhotoResult>? = null
        val photos =
            object : Runs.PhotoListener {
                override fun onFinished(results: List<PhotoResult>) {
                    found = results
                }

                override fun onFailed(failure: Failure) {
                    this@RunServiceTest.failure = failure
                }
            }
        val models = listOf(TestFiles.float32, TestFiles.int8)
        client().start(PhotoRequest(models, TestFiles.photo, 1), photos)
        until { found != null || failure != null }
        assertEquals(null, failure)
        assertEquals(models, found!!.map { it.model })
        assertTrue(found!!.all { it.ms > 0 && it.prediction is Prediction.Classes })
    }

    @Test
    fun `a picture that is none is a failure`() {
        val photos =
            object : Runs.PhotoListener {
                override fun onFinished(results: List<PhotoResult>) = error("$results")

                override fun onFailed(failure: Failure) {
                    this@RunServiceTest.failure = failure
                }
            }
        client().start(
            PhotoRequest(listOf(TestFiles.int8), File(context.cacheDir, "none.png")),
            photos,
        )
        until { failure != null }
        assertEquals(FailureKind.STORAGE, failure!!.kind)
    }

    @Test
    fun `failures survive the way`() {
        for (kind in FailureKind.entries) {
            val sent = Failure(kind, "What happened", "What to do")
            assertEquals(sent, RunMessages.failure(Bundle(RunMessages.of(sent))))
        }
    }
}
