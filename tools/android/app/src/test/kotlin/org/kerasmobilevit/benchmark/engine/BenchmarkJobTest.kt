package org.kerasmobilevit.benchmark.engine

import android.content.pm.ApplicationInfo
import android.os.PowerManager
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.kerasmobilevit.benchmark.TestFiles
import org.kerasmobilevit.benchmark.Unheard
import org.kerasmobilevit.core.BenchmarkOptions
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.Clock
import org.kerasmobilevit.core.Delegation
import org.kerasmobilevit.core.Heat
import org.kerasmobilevit.core.MeasurementCancelledException
import org.kerasmobilevit.core.ResultDocument
import org.kerasmobilevit.core.TooHotException
import org.kerasmobilevit.core.Verdict
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowLog
import java.io.File

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [24, 35])
class BenchmarkJobTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val context = RuntimeEnvironment.getApplication()
    private val delegated =
        "INFO: Replacing 199 out of 200 node(s) with delegate (TfLiteXNNPackDelegate) node, " +
            "yielding 2 partitions for subgraph 0."

    private class Oven(
        private val headroom: Double?,
    ) : Heat {
        override fun headroom() = headroom

        override fun status(): Int? = null
    }

    /** Real time, without waiting. */
    private class Hurried : Clock {
        private var slept = 0L

        override fun nanos() = System.nanoTime() + slept

        override fun sleep(millis: Long) {
            slept += millis * 1_000_000
        }
    }

    @Before
    fun release() {
        context.applicationInfo.flags =
            context.applicationInfo.flags and ApplicationInfo.FLAG_DEBUGGABLE.inv()
    }

    private fun run(
        model: File = TestFiles.int8,
        options: BenchmarkOptions = BenchmarkOptions(threads = 2, runs = 5, warmup = 2),
        headroom: Double? = null,
        log: () -> List<String>? = { null },
        ignoreHeat: Boolean = false,
        isCancelled: () -> Boolean = { false },
    ): ResultDocument =
        BenchmarkJob(
            DeviceFacts(context, cpus()),
            Oven(headroom),
            Hurried(),
            LogcatDelegation(log),
        ).run(RunRequest(model, options, ignoreHeat), isCancelled, Unheard)

    private fun result(document: ResultDocument): BenchmarkResult = document.results.single()

    /** Three small cores and two big ones. */
    private fun cpus(): File {
        val cpus = File(folder.root, "cpu")
        listOf(1_700_000, 1_700_000, 1_700_000, 2_900_000, 3_000_000).forEachIndexed { i, khz ->
            File(cpus, "cpu$i/cpufreq").mkdirs()
            File(cpus, "cpu$i/cpufreq/cpuinfo_max_freq").writeText("$khz\n")
        }
        File(cpus, "cpuidle").mkdirs()
        return cpus
    }

    /** As logcat, with what Log was given, and then these lines of the runtime. */
    private fun logged(vararg lines: String): () -> List<String> =
        { ShadowLog.getLogs().map { it.msg } + lines }

    @Test
    fun `a result is complete, and survives as text`() {
        val document = ResultDocument.parse(run(log = logged(delegated)).toText())
        val result = result(document)
        assertEquals(5, result.samples.ms.size)
        assertEquals(2, result.samples.warmupMs.size)
        assertTrue(result.statistics.median > 0 && result.initMs!! > 0)
        assertEquals(Verdict.IDENTICAL, result.selfTest!!.verdict)
        assertEquals(Delegation("TfLiteXNNPackDelegate", 199, 200, null), result.delegation)
        assertEquals(2, result.threads)
        assertEquals("int8.tflite", result.file)
        assertEquals(TestFiles.int8.length(), result.sizeBytes)
        assertEquals("mobilevit_xxs", result.model.name)
        assertEquals("int8", result.model.recipe)
        assertEquals("release", result.build)
        assertEquals("app", result.tool)
        assertTrue(result.memory.initFootprintKb != null && result.memory.peakMemMb!! > 1)
        assertEquals(
            listOf(1_700_000L, 1_700_000L, 1_700_000L, 2_900_000L, 3_000_000L),
            document.phone.maxFrequenciesKhz,
        )
        assertEquals(RuntimeEnvironment.getApiLevel(), document.phone.sdk)
    }

    @Test
    fun `without a number it takes as many threads as there are big cores`() {
        assertEquals(2, result(run(options = BenchmarkOptions(runs = 1, warmup = 0))).threads)
    }

    @Test
    fun `delegation is unknown where the log is missing or cut off`() {
        assertNull(result(run(log = { null })).delegation)
        assertNull(result(run(log = { listOf(delegated) })).delegation)
        assertNull(result(run(log = logged())).delegation)
    }

    @Test
    fun `partial delegation is a warning`() {
        val warnings = result(run(log = logged(delegated))).warnings
        val expected =
            "XNNPACK ran 199 of 200 operations; slower kernels ran the others."
        assertTrue("$warnings", expected in warnings)
    }

    @Test
    fun `a debug build and battery saver are warnings`() {
        context.applicationInfo.flags =
            context.applicationInfo.flags or ApplicationInfo.FLAG_DEBUGGABLE
        val power = context.getSystemService(PowerManager::class.java)
        shadowOf(power).setIsPowerSaveMode(true)
        val result = result(run())
        assertEquals("debug", result.build)
        assertEquals(true, result.battery!!.saver)
        assertEquals(1, result.warnings.count { it.startsWith("This is a debug build") })
        assertEquals(1, result.warnings.count { it.startsWith("Battery saver was on") })
    }

    @Test
    fun `an altered file is measured, and says so`() {
        val result = result(run(model = TestFiles.altered))
        assertEquals(false, result.selfTest!!.passed)
        assertEquals(1, result.warnings.count { it.startsWith("The self-test failed") })
    }

    @Test
    fun `a hot phone is waited for, unless the user does not want that`() {
        val options =
            BenchmarkOptions(threads = 1, runs = 2, maxHeadroom = 0.8, cooldownSeconds = 30)
        val error =
            assertThrows(TooHotException::class.java) { run(options = options, headroom = 0.93) }
        assertEquals(FailureKind.TOO_HOT, Failures.of(error).kind)
        val result = result(run(options = options, headroom = 1.1, ignoreHeat = true))
        assertEquals(1.1, result.samples.thermal.headroomBefore!!, 0.0)
        assertEquals(1, result.warnings.count { it.startsWith("The phone throttled") })
    }

    @Test
    fun `a gate that cannot see is a warning`() {
        val options = BenchmarkOptions(threads = 1, runs = 1, warmup = 0, maxHeadroom = 0.8)
        val warning = "This phone does not tell its thermal headroom"
        assertEquals(1, result(run(options = options)).warnings.count { it.startsWith(warning) })
        val seen = result(run(options = options, headroom = 0.5)).warnings
        assertEquals(0, seen.count { it.startsWith(warning) })
        assertEquals(0, seen.count { it.startsWith("The phone throttled") })
    }

    @Test
    fun `it can be cancelled`() {
        val error =
            assertThrows(MeasurementCancelledException::class.java) {
                run(isCancelled = { true })
            }
        assertEquals(FailureKind.CANCELLED, Failures.of(error).kind)
    }

    @Test
    fun `files that are none of ours are failures`() {
        fun kind(file: File) =
            Failures.of(assertThrows(Exception::class.java) { run(model = file) }).kind
        assertEquals(FailureKind.MISSING_FILE, kind(File(folder.root, "missing.tflite")))
        assertEquals(FailureKind.NOT_OURS, kind(TestFiles.photo))
        val cut = File(folder.root, "cut.tflite")
        cut.writeBytes(TestFiles.int8.readBytes().copyOf(50_000))
        assertEquals(FailureKind.DAMAGED, kind(cut))
    }
}
