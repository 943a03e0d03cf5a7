package org.kerasmobilevit.benchmark

import android.app.Activity
import android.content.Context
import android.os.Bundle
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.kerasmobilevit.core.ResultDocument
import org.kerasmobilevit.core.Verdict
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import java.io.File
import java.security.MessageDigest
import java.util.Base64
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [24, 35])
class BenchmarkInstrumentationTest {
    /** What `am instrument` sees. */
    private class Watched(
        private val text: String? = null,
    ) : BenchmarkInstrumentation() {
        private val done = CountDownLatch(1)
        val statuses = mutableListOf<Pair<Int, Bundle>>()
        lateinit var results: Bundle
        var code: Int? = null

        override fun getTargetContext(): Context = RuntimeEnvironment.getApplication()

        override fun measure(): String = text ?: super.measure()

        override fun sendStatus(
            resultCode: Int,
            results: Bundle,
        ) {
            statuses += resultCode to results
        }

        override fun finish(
            resultCode: Int,
            results: Bundle,
        ) {
            code = resultCode
            this.results = results
            done.countDown()
        }

        fun run(arguments: Map<String, String>) =
            apply {
                onCreate(
                    Bundle().apply { arguments.forEach { (key, value) -> putString(key, value) } },
                )
                assertTrue(done.await(60, TimeUnit.SECONDS))
            }
    }

    private fun instrument(vararg arguments: Pair<String, String>) =
        Watched().run(arguments.toMap())

    /** As the driver does it, by the documented protocol. */
    private fun reassemble(run: Watched): String {
        assertEquals(Activity.RESULT_OK, run.code)
        val chunks = run.statuses.filter { it.first == 1 }.map { it.second }
        assertEquals(run.results.getInt("chunks"), chunks.size)
        assertEquals(chunks.indices.toList(), chunks.map { it.getInt("index") })
        val texts = chunks.map { it.getString("chunk")!! }
        assertTrue(texts.all { it.length <= 32_768 })
        val bytes = texts.map(Base64.getDecoder()::decode).reduce(ByteArray::plus)
        assertEquals(run.results.getInt("bytes"), bytes.size)
        val hash = MessageDigest.getInstance("SHA-256").digest(bytes)
        assertEquals(run.results.getString("sha256"), hash.joinToString("") { "%02x".format(it) })
        return bytes.decodeToString()
    }

    @Test
    fun `a result is complete`() {
        val run =
            instrument(
                "model" to TestFiles.int8.path,
                "accelerator" to "cpu",
                "threads" to "2",
                "runs" to "20",
                "warmup" to "2",
                "repeat" to "3",
            )
        val text = reassemble(run)
        // For host_build.py, which lets Python read it.
        File("target/documents").apply { mkdirs() }.let {
            File(it, "api${RuntimeEnvironment.getApiLevel()}.json").writeText(text)
        }
        val (result) = ResultDocument.parse(text).results
        assertEquals(20, result.samples.ms.size)
        assertEquals(2, result.threads)
        assertEquals(3, result.repeat)
        assertEquals(Verdict.IDENTICAL, result.selfTest!!.verdict)
        val progress =
            run.statuses.filter { it.first == 2 }.mapNotNull {
                it.second.getString(
                    "progress",
                )
            }
        assertEquals("20/20", progress.last())
        val started = shadowOf(RuntimeEnvironment.getApplication()).nextStartedActivity
        assertEquals(MeasuringActivity::class.java.name, started.component!!.className)
    }

    @Test
    fun `a document of 300 kB stays complete`() {
        val text = "{" + "\"größer\": 0.123456789, ".repeat(13_000) + "}"
        assertTrue(text.toByteArray().size > 300_000)
        val run = Watched(text).run(emptyMap())
        assertEquals(text, reassemble(run))
        assertTrue(run.results.getInt("chunks") >= 300_000 * 4 / 3 / 32_768)
    }

    private fun assertFails(
        kind: String,
        part: String,
        vararg arguments: Pair<String, String>,
    ) {
        val run = instrument(*arguments)
        assertEquals(Activity.RESULT_CANCELED, run.code)
        assertEquals(kind, run.results.getString("error"))
        val message = run.results.getString("message")!!
        assertTrue(message, part in message)
        assertFalse(run.results.getString("advice").isNullOrEmpty())
        assertTrue(run.statuses.none { it.first == 1 })
    }

    @Test
    fun `every failure is told with advice`() {
        val model = "model" to TestFiles.int8.path
        assertFails("bad_request", "Expected the argument model")
        assertFails("missing_file", "/none.tflite", "model" to "/none.tflite")
        assertFails("not_ours", "", "model" to TestFiles.photo.path)
        assertFails("bad_request", "0", model, "threads" to "0")
        assertFails("bad_request", "colour", model, "colour" to "red")
        assertFails("accelerator_missing", "GPU", model, "accelerator" to "gpu")
    }

    @Test
    fun `being out of memory is a failure, too`() {
        val run =
            object : BenchmarkInstrumentation() {
                val done = CountDownLatch(1)
                var error: String? = null

                override fun measure(): String = throw OutOfMemoryError("Failed to allocate")

                override fun finish(
                    resultCode: Int,
                    results: Bundle,
                ) {
                    error = results.getString("error")
                    done.countDown()
                }
            }
        run.onCreate(Bundle())
        assertTrue(run.done.await(20, TimeUnit.SECONDS))
        assertEquals("out_of_memory", run.error)
    }
}
