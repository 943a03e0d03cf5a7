package org.kerasmobilevit.benchmark

import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.kerasmobilevit.benchmark.engine.BenchmarkJob
import org.kerasmobilevit.benchmark.engine.BundledModels
import org.kerasmobilevit.benchmark.engine.DeviceFacts
import org.kerasmobilevit.benchmark.engine.RunRequest
import org.kerasmobilevit.benchmark.engine.Thermals
import org.kerasmobilevit.core.BenchmarkOptions
import org.kerasmobilevit.core.MeasurementListener
import java.io.File

/**
 * For Firebase Test Lab and emulators: measures each bundled model, on the CPU, and leaves the
 * documents in `Android/data/org.kerasmobilevit.benchmark/files/results` of the shared storage.
 *
 * Both models run in one process, with the same options, the int8 one last. For figures to publish
 * use the driver, which takes a new process for each.
 */
@RunWith(AndroidJUnit4::class)
class BundledModelsTest {
    @Test
    fun everyModelRunsAndPassesItsSelfTest() {
        val context = InstrumentationRegistry.getInstrumentation().targetContext
        val folder = checkNotNull(context.getExternalFilesDir("results"))
        val models = BundledModels.files(context)
        assertTrue("The APK has no models.", models.isNotEmpty())
        for (model in models) {
            val document =
                Thermals(context).use { heat ->
                    BenchmarkJob(DeviceFacts(context), heat)
                        .run(RunRequest(model, BenchmarkOptions()), { false }, Silent)
                }
            File(folder, "${model.nameWithoutExtension}.json").writeText(document.toText())
            val selfTest = document.results.single().selfTest
            assertTrue("$model: $selfTest", selfTest?.passed == true)
        }
    }

    private object Silent : MeasurementListener {
        override fun onProgress(
            done: Int,
            total: Int,
        ) = Unit

        override fun onWaiting(
            headroom: Double,
            limit: Double,
        ) = Unit
    }
}
