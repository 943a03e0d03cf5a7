package org.kerasmobilevit.benchmark.ui

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.provider.MediaStore
import android.widget.Spinner
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.BundledModels
import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.FailureKind
import org.kerasmobilevit.benchmark.engine.PhotoResult
import org.kerasmobilevit.benchmark.ui.common.Background
import org.kerasmobilevit.benchmark.ui.photo.PhotoActivity
import org.kerasmobilevit.core.Prediction
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import java.io.ByteArrayInputStream
import java.io.File
import java.util.concurrent.Executor

class PhotoActivityTest : ScreenTest() {
    private val uri = Uri.parse("content://photos/1")

    private fun result(
        activity: Activity,
        code: Int = Activity.RESULT_OK,
        uri: Uri? = null,
    ): Intent {
        val asked = shadowOf(activity).nextStartedActivityForResult
        shadowOf(activity).receiveResult(asked.intent, code, Intent().setData(uri))
        idle()
        return asked.intent
    }

    private fun pick(
        activity: Activity,
        bytes: ByteArray = SamplePhotos.png(),
    ) {
        shadowOf(context.contentResolver)
            .registerInputStreamSupplier(uri) { ByteArrayInputStream(bytes) }
        activity.click(R.id.photo_pick)
        val intent = result(activity, uri = uri)
        assertEquals("image/*", intent.type)
    }

    private fun answer(vararg predictions: Prediction) =
        runs.endPhoto {
            val models = runs.photos.last().models
            onFinished(
                models.zip(predictions.asIterable()) { model, it -> PhotoResult(model, it, 1.5) },
            )
        }

    @Test
    fun `two models are asked about a photo from the picker`() {
        val activity = open<PhotoActivity>().get()
        assertTrue(activity.isShown(R.id.photo_empty))
        pick(activity)
        val request = runs.photos.single()
        assertEquals(BundledModels.files(context), request.models)
        assertTrue(request.picture.readBytes().contentEquals(SamplePhotos.png()))
        assertTrue(activity.isShown(R.id.photo_preview))
        assertTrue(activity.isShown(R.id.photo_running))
    }

    @Test
    fun `answers stand side by side and say in words how they differ`() {
        val activity = open<PhotoActivity>().get()
        pick(activity)
        answer(SamplePhotos.float32, SamplePhotos.int8)
        assertFalse(activity.isShown(R.id.photo_running))
        val texts = activity.texts()
        for (expected in listOf(
            "Both say: cat",
            "No. 1: 71.3 %",
            "No. 1: 65.5 %",
            "5.8 points less in int8",
            "No. 3 becomes no. 4",
            "Only in the top 5 of float32",
            "Only in the top 5 of int8",
            "1.50 ms",
        )) {
            assertTrue("$expected in $texts", expected in texts)
        }
    }

    @Test
    fun `another first answer is the headline`() {
        val activity = open<PhotoActivity>().get()
        pick(activity)
        answer(SamplePhotos.float32, SamplePhotos.otherFirst)
        val texts = activity.texts()
        assertTrue(texts, "The first answers differ" in texts)
        assertTrue(texts, "float32 says cat, int8 says dog." in texts)
    }

    @Test
    fun `boxes are counted and listed`() {
        val activity = open<PhotoActivity>().get()
        pick(activity)
        answer(SamplePhotos.boxes(true), SamplePhotos.boxes(false))
        val texts = activity.texts()
        assertTrue(texts, "The answers differ" in texts)
        assertTrue(texts, "box, 64.0 %" in texts)
        assertTrue(texts, "Only in float32" in texts)
        assertTrue(activity.isShown(R.id.overlay_picture))
    }

    @Test
    fun `masks say on how many pixels they agree`() {
        val activity = open<PhotoActivity>().get()
        pick(activity)
        answer(SamplePhotos.mask(15.0), SamplePhotos.mask(15.0))
        val texts = activity.texts()
        assertTrue(texts, "Both give the same class to 100.0 % of the pixels" in texts)
        // Class 1 of the bundled models, with a square in its colour.
        assertTrue(texts, "\u25a0 automobile, " in texts)
    }

    @Test
    fun `the camera app writes into a file that it may write`() {
        val activity = open<PhotoActivity>().get()
        activity.click(R.id.photo_take)
        val asked = shadowOf(activity).nextStartedActivityForResult.intent
        assertEquals(MediaStore.ACTION_IMAGE_CAPTURE, asked.action)
        assertTrue(asked.flags and Intent.FLAG_GRANT_WRITE_URI_PERMISSION != 0)
        val target = asked.clipData!!.getItemAt(0).uri
        context.contentResolver.openOutputStream(target, "w")!!.use {
            it.write(SamplePhotos.png())
        }
        shadowOf(activity).receiveResult(asked, Activity.RESULT_OK, null)
        idle()
        assertTrue(
            runs.photos
                .single()
                .picture
                .readBytes()
                .contentEquals(SamplePhotos.png()),
        )
    }

    @Test
    fun `without a photo of the camera app it says what to do`() {
        val activity = open<PhotoActivity>().get()
        activity.click(R.id.photo_take)
        result(activity)
        assertEquals("The camera app gave no photo", activity.text(R.id.note_title))
        assertTrue(activity.text(R.id.note_advice).isNotBlank())
    }

    @Test
    fun `leaving the camera changes nothing`() {
        val activity = open<PhotoActivity>().get()
        activity.click(R.id.photo_take)
        result(activity, Activity.RESULT_CANCELED)
        assertFalse(activity.isShown(R.id.photo_note))
    }

    @Test
    fun `a phone without a camera app says what to do`() {
        shadowOf(context).checkActivities(true)
        val activity = open<PhotoActivity>().get()
        activity.click(R.id.photo_take)
        assertEquals("This phone has no camera app", activity.text(R.id.note_title))
    }

    // Robolectric decodes anything before that.
    @Test
    @Config(sdk = [35])
    fun `what is no photo says why and what to do`() {
        val activity = open<PhotoActivity>().get()
        pick(activity, "a letter".toByteArray())
        assertEquals(0, runs.photos.size)
        assertTrue(activity.text(R.id.note_message).isNotBlank())
        assertTrue(activity.text(R.id.note_advice).isNotBlank())
    }

    @Test
    fun `a provider that fails says why and what to do`() {
        shadowOf(context.contentResolver)
            .registerInputStreamSupplier(uri) { throw IllegalStateException("No account.") }
        val activity = open<PhotoActivity>().get()
        activity.click(R.id.photo_pick)
        result(activity, uri = uri)
        assertEquals("The photo cannot be read", activity.text(R.id.note_title))
        assertEquals("No account.", activity.text(R.id.note_message))
        assertTrue(activity.text(R.id.note_advice).isNotBlank())
    }

    @Test
    fun `the photo that was chosen last is shown, whichever comes first`() {
        val activity = open<PhotoActivity>().get()
        val works = mutableListOf<Runnable>()
        Background.executor = Executor { works += it }
        pick(activity, "slow".toByteArray())
        pick(activity)
        works.reversed().forEach { it.run() }
        idle()
        val picture = runs.photos.single().picture
        assertTrue(picture.readBytes().contentEquals(SamplePhotos.png()))
        assertEquals(listOf(picture), picture.parentFile!!.listFiles(File::isFile)!!.toList())
        assertFalse(activity.isShown(R.id.photo_note))
        assertTrue(activity.isShown(R.id.photo_preview))
    }

    @Test
    fun `answers of a model that is gone are not shown`() {
        val models = File(context.filesDir, "models").apply { mkdirs() }
        val gone = File(models, "a model.tflite")
        BundledModels.files(context).last().copyTo(gone)
        val controller = open<PhotoActivity>()
        controller.get().findViewById<Spinner>(R.id.photo_second).setSelection(2)
        pick(controller.get())
        assertEquals(
            gone,
            runs.photos
                .last()
                .models
                .last(),
        )
        answer(SamplePhotos.float32, SamplePhotos.int8)
        assertTrue("Both say: cat" in controller.get().texts())
        gone.delete()
        controller.recreate()
        val texts = controller.get().texts()
        assertTrue(texts, "No. 1: 71.3 %" in texts)
        assertFalse(texts, "No. 1: 65.5 %" in texts)
    }

    @Test
    fun `a failure shows its message and advice`() {
        val activity = open<PhotoActivity>().get()
        pick(activity)
        runs.fail(Failure(FailureKind.OUT_OF_MEMORY, "No memory.", "Close other apps."))
        assertEquals("Out of memory", activity.text(R.id.note_title))
        assertEquals("No memory.", activity.text(R.id.note_message))
        assertEquals("Close other apps.", activity.text(R.id.note_advice))
    }

    @Test
    fun `it can be cancelled`() {
        val activity = open<PhotoActivity>().get()
        pick(activity)
        activity.click(R.id.photo_cancel)
        assertFalse(runs.isBusy)
        assertEquals("Cancelled", activity.text(R.id.note_title))
    }

    @Test
    fun `another model is asked at once`() {
        val activity = open<PhotoActivity>().get()
        pick(activity)
        answer(SamplePhotos.float32, SamplePhotos.int8)
        activity.findViewById<Spinner>(R.id.photo_first).setSelection(1)
        idle()
        activity.window.decorView.measure(0, 0)
        idle()
        assertEquals(listOf(BundledModels.files(context)[1]), runs.photos.last().models)
    }

    @Test
    fun `turning the phone loses neither the photo nor the answers`() {
        val controller = open<PhotoActivity>()
        pick(controller.get())
        controller.recreate()
        assertTrue(controller.get().isShown(R.id.photo_running))
        assertTrue(controller.get().isShown(R.id.photo_preview))
        answer(SamplePhotos.float32, SamplePhotos.int8)
        controller.recreate()
        assertTrue(controller.get().isShown(R.id.photo_answers))
        assertEquals(1, runs.photos.size)
        assertFalse(runs.isClosed)
    }

    @Test
    fun `Android may end the app while the photo is on the screen`() {
        val controller = open<PhotoActivity>()
        pick(controller.get())
        answer(SamplePhotos.float32, SamplePhotos.int8)
        val state = Bundle()
        controller
            .pause()
            .saveInstanceState(state)
            .stop()
            .destroy()

        val again =
            Robolectric
                .buildActivity(PhotoActivity::class.java)
                .create(state)
                .start()
                .restoreInstanceState(state)
                .resume()
                .visible()
        idle()
        assertTrue(again.get().isShown(R.id.photo_preview))
        assertEquals(2, runs.photos.size)
    }
}
