package org.kerasmobilevit.benchmark.ui

import android.content.Context
import android.content.Intent
import android.content.pm.ApplicationInfo
import android.os.PowerManager
import android.view.WindowManager
import android.widget.EditText
import android.widget.Spinner
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.BundledModels
import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.FailureKind
import org.kerasmobilevit.benchmark.ui.result.ResultActivity
import org.kerasmobilevit.benchmark.ui.run.RunActivity
import org.kerasmobilevit.core.AcceleratorChoice
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config

class RunActivityTest : ScreenTest() {
    private val model get() = BundledModels.files(context).last()

    private fun open(): ActivityController<RunActivity> =
        open(Intent(context, RunActivity::class.java).putExtra("model", model.path))

    private fun RunActivity.type(
        id: Int,
        text: String,
    ) = findViewById<EditText>(id).setText(text)

    private fun RunActivity.keepsScreenOn() =
        window.attributes.flags and WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON != 0

    @Test
    fun `it starts what the fields say`() {
        val activity = open().get()
        activity.findViewById<Spinner>(R.id.run_threads).setSelection(1)
        activity.type(R.id.run_runs, "250")
        activity.type(R.id.run_warmup, "3")
        activity.click(R.id.run_gpu)
        activity.click(R.id.run_start)
        val request = runs.requests.single()
        assertEquals(model, request.model)
        assertEquals(AcceleratorChoice.GPU, request.options.accelerator)
        assertEquals(1, request.options.threads)
        assertEquals(250, request.options.runs)
        assertEquals(null, request.options.seconds)
        assertEquals(3, request.options.warmup)
        assertFalse(request.ignoreHeat)
    }

    @Test
    fun `the big cores are the default`() {
        val activity = open().get()
        activity.click(R.id.run_start)
        assertEquals(
            null,
            runs.requests
                .single()
                .options.threads,
        )
        val shown = activity.findViewById<Spinner>(R.id.run_threads).selectedItem.toString()
        assertTrue(shown, "big core" in shown)
    }

    @Test
    fun `it can measure for some seconds`() {
        val activity = open().get()
        activity.click(R.id.run_by_seconds)
        assertFalse(activity.isShown(R.id.run_runs))
        activity.type(R.id.run_seconds, "2,5")
        activity.click(R.id.run_start)
        assertEquals(
            2.5,
            runs.requests
                .single()
                .options.seconds!!,
            0.0,
        )
    }

    @Test
    fun `a number out of range says what is expected and starts nothing`() {
        val activity = open().get()
        activity.type(R.id.run_runs, "0")
        activity.click(R.id.run_start)
        assertEquals("From 1 to 100000", activity.findViewById<EditText>(R.id.run_runs).error)
        assertEquals(0, runs.requests.size)
    }

    @Test
    @Config(sdk = [35])
    fun `it can wait for a cool phone first`() {
        val activity = open().get()
        activity.type(R.id.run_headroom, "0.7")
        activity.type(R.id.run_cooldown, "30")
        activity.click(R.id.run_start)
        assertEquals(
            0.7,
            runs.requests
                .single()
                .options.maxHeadroom!!,
            0.0,
        )
        assertEquals(
            30,
            runs.requests
                .single()
                .options.cooldownSeconds,
        )
    }

    @Test
    @Config(sdk = [35])
    fun `it need not wait`() {
        val activity = open().get()
        activity.click(R.id.run_gate)
        assertFalse(activity.isShown(R.id.run_headroom))
        activity.click(R.id.run_start)
        assertEquals(
            null,
            runs.requests
                .single()
                .options.maxHeadroom,
        )
    }

    @Test
    @Config(sdk = [24])
    fun `a phone that does not tell its heat is not waited for`() {
        val activity = open().get()
        val texts = activity.texts()
        assertTrue(texts, "on this phone there is no waiting" in texts)
        activity.click(R.id.run_start)
        assertEquals(
            null,
            runs.requests
                .single()
                .options.maxHeadroom,
        )
    }

    @Test
    fun `it shows how far the run is, keeps the screen on, and opens the result`() {
        val activity = open().get()
        activity.click(R.id.run_start)
        assertEquals("Preparing", activity.text(R.id.run_phase))
        assertFalse(activity.isShown(R.id.run_accelerator))
        assertTrue(activity.keepsScreenOn())
        runs.say { onProgress(12, 100) }
        assertEquals("12 / 100", activity.text(R.id.run_count))
        val file = SampleResults.write(context, SampleResults.int8())
        runs.end { onFinished(file) }
        val intent = assertOpens(ResultActivity::class.java, activity)
        assertEquals(file.path, intent.getStringExtra("file"))
        assertTrue(activity.isShown(R.id.run_start))
        assertFalse(activity.keepsScreenOn())
    }

    @Test
    fun `it can be cancelled`() {
        val activity = open().get()
        activity.click(R.id.run_start)
        activity.click(R.id.run_cancel)
        assertEquals("Cancelled", activity.text(R.id.note_title))
        assertTrue(activity.isShown(R.id.run_start))
        assertFalse(runs.isBusy)
    }

    @Test
    fun `waiting for a cool phone can be overridden`() {
        val activity = open().get()
        activity.click(R.id.run_start)
        runs.say { onWaiting(0.93, 0.8) }
        assertEquals("Cooling down", activity.text(R.id.run_phase))
        assertEquals(
            "Thermal headroom 0.93, waiting for less than 0.80",
            activity.text(R.id.run_phase_hint),
        )
        activity.click(R.id.run_anyway)
        assertEquals(listOf(false, true), runs.requests.map { it.ignoreHeat })
        assertEquals("Preparing", activity.text(R.id.run_phase))
        assertFalse(activity.isShown(R.id.run_anyway))
    }

    @Test
    fun `cancelling right after overriding does not start the run again`() {
        runs.endsLater = true
        val activity = open().get()
        activity.click(R.id.run_start)
        runs.say { onWaiting(0.93, 0.8) }
        activity.click(R.id.run_anyway)
        activity.click(R.id.run_cancel)
        runs.endCancelled()
        assertEquals(1, runs.requests.size)
        assertEquals("Cancelled", activity.text(R.id.note_title))
    }

    @Test
    fun `a run that crashes when overridden is not started again`() {
        runs.endsLater = true
        val activity = open().get()
        activity.click(R.id.run_start)
        runs.say { onWaiting(0.93, 0.8) }
        activity.click(R.id.run_anyway)
        runs.fail(Failure(FailureKind.CRASHED, "It crashed.", "Report it."))
        assertEquals(1, runs.requests.size)
        assertEquals("The run crashed", activity.text(R.id.note_title))
    }

    @Test
    fun `a phone that stays too hot can be measured anyway`() {
        val activity = open().get()
        activity.click(R.id.run_start)
        runs.fail(Failure(FailureKind.TOO_HOT, "It is 0.93.", "Wait."))
        activity.click(R.id.run_anyway)
        assertTrue(runs.requests.last().ignoreHeat)
    }

    @Test
    fun `each failure has a title, its message and its advice`() {
        val activity = open().get()
        val titles =
            FailureKind.entries.map { kind ->
                activity.click(R.id.run_start)
                runs.fail(Failure(kind, "What happened: $kind", "What to do: $kind"))
                assertEquals("What happened: $kind", activity.text(R.id.note_message))
                assertEquals("What to do: $kind", activity.text(R.id.note_advice))
                assertTrue(activity.isShown(R.id.run_start))
                activity.text(R.id.note_title)
            }
        assertEquals(FailureKind.entries.size, titles.toSet().size)
    }

    @Test
    fun `turning the phone loses neither fields nor the run`() {
        val controller = open()
        controller.get().type(R.id.run_runs, "777")
        controller.get().click(R.id.run_by_seconds)
        controller.get().findViewById<Spinner>(R.id.run_threads).setSelection(1)
        controller.recreate()
        val turned = controller.get()
        assertEquals("777", turned.text(R.id.run_runs))
        assertTrue(turned.isShown(R.id.run_seconds))
        assertEquals(1, turned.findViewById<Spinner>(R.id.run_threads).selectedItemPosition)

        turned.click(R.id.run_start)
        runs.say { onProgress(3, 10) }
        controller.recreate()
        assertNotEquals(turned, controller.get())
        assertFalse(runs.isClosed)
        assertEquals("3 / 10", controller.get().text(R.id.run_count))
        runs.say { onProgress(4, 10) }
        assertEquals("4 / 10", controller.get().text(R.id.run_count))
    }

    @Test
    fun `leaving the screen ends the run`() {
        val controller = open()
        controller.get().click(R.id.run_start)
        controller.get().finish()
        controller.pause().stop().destroy()
        assertTrue(runs.isClosed)
    }

    @Test
    fun `battery saver and debug builds are pointed out`() {
        val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager
        shadowOf(power).setIsPowerSaveMode(true)
        context.applicationInfo.flags =
            context.applicationInfo.flags or ApplicationInfo.FLAG_DEBUGGABLE
        val texts = open().get().texts()
        assertTrue(texts, "Battery saver is on" in texts)
        assertTrue(texts, "This is a debug build" in texts)
    }
}
