package org.kerasmobilevit.benchmark.ui

import android.app.Activity
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.Canvas
import android.net.Uri
import android.view.View
import android.view.ViewGroup
import android.widget.ImageView
import android.widget.TextView
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.BundledModels
import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.FailureKind
import org.kerasmobilevit.benchmark.engine.PhotoResult
import org.kerasmobilevit.benchmark.ui.common.Background
import org.kerasmobilevit.benchmark.ui.comparison.ComparisonActivity
import org.kerasmobilevit.benchmark.ui.history.HistoryActivity
import org.kerasmobilevit.benchmark.ui.photo.PhotoActivity
import org.kerasmobilevit.benchmark.ui.result.ResultActivity
import org.kerasmobilevit.benchmark.ui.result.ResultStore
import org.kerasmobilevit.benchmark.ui.run.RunActivity
import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.Delegation
import org.kerasmobilevit.core.Prediction
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import java.io.ByteArrayInputStream
import java.io.File
import java.util.concurrent.Executor

/**
 * Draws each screen into `target/screens`, for people to look at: light and dark, upright and
 * turned, whole and in large letters; its other states upright, and turned in the dark. Checks in
 * passing what a picture does not show: that fingers hit the buttons, and that TalkBack has words
 * for them.
 */
@Config(sdk = [35])
class ScreenPicturesTest : ScreenTest() {
    private enum class Look(
        val qualifiers: String,
        val fontScale: Float = 1f,
    ) {
        LIGHT("w411dp-h891dp-port-notnight-240dpi"),
        DARK("w411dp-h891dp-port-night-240dpi"),
        TURNED("w891dp-h411dp-land-notnight-240dpi"),
        TURNED_DARK("w891dp-h411dp-land-night-240dpi"),
        WHOLE("w411dp-h2400dp-port-notnight-240dpi"),
        LARGE("w360dp-h3600dp-port-night-240dpi", 2f),
    }

    private val folder = File("target/screens")

    /** A state of a screen that is drawn in few looks. */
    private fun drawState(
        name: String,
        make: () -> Activity,
    ) = draw(name, listOf(Look.LIGHT, Look.TURNED_DARK), make)

    private fun draw(
        name: String,
        looks: List<Look> = Look.entries,
        make: () -> Activity,
    ) {
        folder.mkdirs()
        for (look in looks) {
            RuntimeEnvironment.setQualifiers(look.qualifiers)
            RuntimeEnvironment.setFontScale(look.fontScale)
            val activity = make()
            idle()
            val view = activity.window.decorView
            val bitmap = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
            view.draw(Canvas(bitmap))
            File(folder, "${name}_${look.name.lowercase()}.png").outputStream().use {
                bitmap.compress(Bitmap.CompressFormat.PNG, 100, it)
            }
            check(view, activity.resources.displayMetrics.density)
            activity.finish()
        }
    }

    private fun check(
        view: View,
        density: Float,
    ) {
        if (view.visibility != View.VISIBLE) return
        if (view.isClickable && view.isShown && view.width > 0) {
            val name = view.toString()
            // A text that can be copied is no button.
            val isButton = !(view is TextView && view.isTextSelectable)
            if (isButton) assertTrue("$name is too small", view.height >= 40 * density)
            if (view is ImageView) assertFalse(name, view.contentDescription.isNullOrBlank())
        }
        if (view is ViewGroup) {
            for (index in 0 until view.childCount) check(view.getChildAt(index), density)
        }
    }

    private inline fun <reified T : Activity> start(vararg extras: Pair<String, String>): T {
        val intent = Intent(context, T::class.java)
        extras.forEach { (key, value) -> intent.putExtra(key, value) }
        return Robolectric.buildActivity(T::class.java, intent).setup().get()
    }

    private fun startRun() = start<RunActivity>("model" to BundledModels.files(context).last().path)

    private val models get() = File(context.filesDir, "models").apply { mkdirs() }

    private fun forget() {
        File(context.filesDir, "results").deleteRecursively()
        File(context.filesDir, "models").deleteRecursively()
    }

    @Test
    fun `the models`() {
        val model = BundledModels.files(context).last()
        model.copyTo(File(models, "my model.tflite"))
        File(models, "half.tflite").writeBytes(model.readBytes().copyOf(500_000))
        draw("models") { start<MainActivity>() }
        forget()
        Background.executor = Executor { }
        drawState("models_loading") { start<MainActivity>() }
    }

    @Test
    fun `a file that is no model`() {
        val uri = Uri.parse("content://files/document/letter.pdf")
        drawState("models_failed") {
            start<MainActivity>().also {
                shadowOf(context.contentResolver).registerInputStreamSupplier(uri) {
                    ByteArrayInputStream("a letter".toByteArray())
                }
                it.click(R.id.models_open)
                val asked = shadowOf(it).nextStartedActivityForResult.intent
                val data = Intent().setData(uri)
                shadowOf(it).receiveResult(asked, Activity.RESULT_OK, data)
            }
        }
    }

    @Test
    fun `options and progress`() {
        draw("run_options") { startRun() }
        drawState("run_preparing") { started {} }
        drawState("run_measuring") { started { runs.say { onProgress(37, 100) } } }
        drawState("run_waiting") { started { runs.say { onWaiting(0.93, 0.8) } } }
    }

    private fun started(then: () -> Unit): RunActivity {
        if (runs.isBusy) runs.close()
        return startRun().also {
            it.click(R.id.run_start)
            then()
        }
    }

    @Test
    fun `failures of a run`() {
        val advice =
            mapOf(
                FailureKind.TOO_HOT to "Let the phone cool down, or run anyway.",
                FailureKind.CANCELLED to "Start it again.",
                FailureKind.ACCELERATOR_MISSING to "Choose the CPU.",
            )
        for ((kind, text) in advice) {
            drawState("run_${kind.key}") {
                started { runs.fail(Failure(kind, "Expected one thing. Received: another.", text)) }
            }
        }
    }

    @Test
    fun `a result`() {
        val file = SampleResults.write(context, SampleResults.int8())
        ResultStore(context).pinnedId =
            SampleResults.write(context, SampleResults.float32()).nameWithoutExtension
        draw("result") { start<ResultActivity>("file" to file.path) }
        val poor =
            SampleResults.float32(231.7).copy(
                accelerator = AcceleratorChoice.GPU,
                selfTest = SampleResults.failed,
                delegation = Delegation("TfLiteGpuDelegate", 199, 238, 3),
                warnings = listOf("Battery saver was on: Android limits the clock frequency."),
            )
        val other = SampleResults.write(context, poor)
        draw("result_poor") { start<ResultActivity>("file" to other.path) }
        other.writeText("{")
        drawState("result_damaged") { start<ResultActivity>("file" to other.path) }
    }

    @Test
    fun `a comparison`() {
        val file = SampleResults.write(context, SampleResults.int8())
        drawState("comparison_missing") { start<ComparisonActivity>("file" to file.path) }
        ResultStore(context).pinnedId =
            SampleResults.write(context, SampleResults.float32()).nameWithoutExtension
        draw("comparison") { start<ComparisonActivity>("file" to file.path) }
        val close = SampleResults.write(context, SampleResults.int8(1.26))
        ResultStore(context).pinnedId = close.nameWithoutExtension
        drawState("comparison_close") { start<ComparisonActivity>("file" to file.path) }
    }

    @Test
    fun `the history`() {
        forget()
        drawState("history_empty") { start<HistoryActivity>() }
        for (median in listOf(1.24, 1.31, 0.712, 183.4)) {
            SampleResults.write(context, SampleResults.int8(median))
        }
        SampleResults.write(context, SampleResults.int8()).writeText("{")
        ResultStore(context).pinnedId =
            SampleResults.write(context, SampleResults.float32()).nameWithoutExtension
        draw("history") { start<HistoryActivity>() }
    }

    @Test
    fun `a photo`() {
        drawState("photo_empty") { start<PhotoActivity>() }
        drawState("photo_running") { shot() }
        draw("photo_classes") { shot(SamplePhotos.float32, SamplePhotos.int8) }
        drawState("photo_differs") { shot(SamplePhotos.float32, SamplePhotos.otherFirst) }
        drawState("photo_boxes") { shot(SamplePhotos.boxes(true), SamplePhotos.boxes(false)) }
        draw("photo_masks") { shot(SamplePhotos.mask(17.0), SamplePhotos.mask(15.0)) }
        drawState("photo_failed") {
            shot().also {
                val failure =
                    Failure(FailureKind.OUT_OF_MEMORY, "There was no memory.", "Close other apps.")
                runs.fail(failure)
            }
        }
    }

    private fun shot(vararg predictions: Prediction): PhotoActivity {
        if (runs.isBusy) runs.close()
        val uri = Uri.parse("content://photos/1")
        shadowOf(context.contentResolver).registerInputStreamSupplier(uri) {
            ByteArrayInputStream(SamplePhotos.png())
        }
        val activity = start<PhotoActivity>()
        activity.click(R.id.photo_pick)
        val asked = shadowOf(activity).nextStartedActivityForResult.intent
        shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, Intent().setData(uri))
        idle()
        if (predictions.isNotEmpty()) {
            runs.endPhoto {
                val models = runs.photos.last().models
                onFinished(
                    models.zip(predictions.asIterable()) { model, it ->
                        PhotoResult(model, it, if ("int8" in model.name) 0.98 else 2.31)
                    },
                )
            }
        }
        return activity
    }
}
