package org.kerasmobilevit.benchmark.ui

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.view.View
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.BundledModels
import org.kerasmobilevit.benchmark.ui.common.Background
import org.kerasmobilevit.benchmark.ui.history.HistoryActivity
import org.kerasmobilevit.benchmark.ui.photo.PhotoActivity
import org.kerasmobilevit.benchmark.ui.run.RunActivity
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import java.io.ByteArrayInputStream
import java.io.File
import java.io.IOException
import java.io.InputStream
import java.util.Locale
import java.util.concurrent.Executor

class MainActivityTest : ScreenTest() {
    private val folder get() = File(context.filesDir, "models").apply { mkdirs() }
    private val uri = Uri.parse("content://files/document/my%20model.tflite")

    private fun give(stream: () -> InputStream) =
        shadowOf(context.contentResolver).registerInputStreamSupplier(uri, stream)

    /** What the picker gives back. */
    private fun pick(activity: Activity) {
        activity.click(R.id.models_open)
        val asked = shadowOf(activity).nextStartedActivityForResult
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.intent.action)
        shadowOf(activity).receiveResult(
            asked.intent,
            Activity.RESULT_OK,
            Intent().setData(uri),
        )
        idle()
    }

    @Test
    fun `it lists the bundled models with what each one is`() {
        val texts = open<MainActivity>().get().texts()
        // That of int8 depends on the processor that exported it.
        val sizes =
            BundledModels.files(context).map {
                "%.2f MB".format(
                    Locale.ROOT,
                    it.length() / 1e6,
                )
            }
        assertEquals(2, sizes.distinct().size)
        val facts =
            listOf(
                "mobilevit_xxs",
                "float32",
                "int8",
                "Classification",
                "Bundled",
                "Trained on CIFAR-10",
            )
        for (expected in facts + sizes.map { "96 × 96 pixels · 10 labels · $it" }) {
            assertTrue("$expected in $texts", expected in texts)
        }
        assertFalse(texts, "Reading the model files" in texts)
    }

    @Test
    fun `a model leads to its options`() {
        val activity = open<MainActivity>().get()
        activity.click(R.id.model_benchmark)
        val intent = assertOpens(RunActivity::class.java, activity)
        assertEquals(BundledModels.files(context).first().path, intent.getStringExtra("model"))
    }

    @Test
    fun `the toolbar leads to the history and the photo`() {
        val activity = open<MainActivity>().get()
        shadowOf(activity).clickMenuItem(R.id.models_history)
        assertOpens(HistoryActivity::class.java, activity)
        shadowOf(activity).clickMenuItem(R.id.models_photo)
        assertOpens(PhotoActivity::class.java, activity)
    }

    @Test
    fun `an opened file is copied, listed, and can be deleted`() {
        val model = BundledModels.files(context).last().readBytes()
        give { ByteArrayInputStream(model) }
        val activity = open<MainActivity>().get()
        pick(activity)
        val copy = File(folder, "my model.tflite")
        assertTrue(copy.readBytes().contentEquals(model))
        assertTrue(activity.texts(), "my model.tflite was added" in activity.texts())
        assertTrue(activity.texts(), "Opened" in activity.texts())

        val delete =
            ArrayList<View>().also {
                activity.window.decorView.findViewsWithText(
                    it,
                    "Delete my model.tflite",
                    View.FIND_VIEWS_WITH_CONTENT_DESCRIPTION,
                )
            }
        delete.single().performClick()
        idle()
        assertTrue(copy.exists())
        confirm()
        assertFalse(copy.exists())
        assertFalse(activity.texts(), "Opened\n" in activity.texts())
    }

    @Test
    fun `a file that is no model is not kept, and the screen says why and what to do`() {
        give { ByteArrayInputStream("a letter".toByteArray()) }
        val controller = open<MainActivity>()
        val activity = controller.get()
        pick(activity)
        assertEquals("my model.tflite cannot be used", activity.text(R.id.note_title))
        assertTrue(activity.text(R.id.note_message).isNotBlank())
        assertTrue(activity.text(R.id.note_advice).isNotBlank())
        assertEquals(0, folder.list()!!.size)
        controller.recreate()
        assertEquals("my model.tflite cannot be used", controller.get().text(R.id.note_title))
    }

    @Test
    fun `a file that breaks off while it is read is not kept`() {
        give {
            object : InputStream() {
                override fun read(): Int = throw IOException("The cloud is gone")
            }
        }
        val activity = open<MainActivity>().get()
        pick(activity)
        assertEquals("my model.tflite could not be copied", activity.text(R.id.note_title))
        assertEquals("The cloud is gone", activity.text(R.id.note_message))
        assertEquals(0, folder.list()!!.size)
    }

    @Test
    fun `a provider that fails says why`() {
        give { throw IllegalStateException("No account.") }
        val activity = open<MainActivity>().get()
        pick(activity)
        assertEquals("my model.tflite could not be copied", activity.text(R.id.note_title))
        assertEquals("No account.", activity.text(R.id.note_message))
        assertEquals(0, folder.list()!!.size)
    }

    @Test
    fun `a damaged file says why`() {
        val model = BundledModels.files(context).last().readBytes()
        File(folder, "half.tflite").writeBytes(model.copyOf(model.size / 2))
        val texts = open<MainActivity>().get().texts()
        assertTrue(texts, "half.tflite cannot be used" in texts)
    }

    @Test
    @Config(sdk = [35])
    fun `turning the phone does not scroll the list`() {
        val controller = open<MainActivity>()
        controller.get().findViewById<View>(R.id.scroll).scrollTo(0, 200)
        controller.recreate()
        idle()
        assertEquals(200, controller.get().findViewById<View>(R.id.scroll).scrollY)
    }

    @Test
    fun `turning the phone while a file is copied does not lose the file`() {
        val model = BundledModels.files(context).last().readBytes()
        give { ByteArrayInputStream(model) }
        val controller = open<MainActivity>()
        val works = mutableListOf<Runnable>()
        Background.executor = Executor { works += it }
        pick(controller.get())
        Background.executor = Executor { it.run() }
        controller.recreate()
        works.single().run()
        idle()
        assertEquals("my model.tflite was added", controller.get().text(R.id.note_title))
        assertTrue("Opened" in controller.get().texts())
    }
}
