package org.kerasmobilevit.benchmark.ui

import android.content.Intent
import android.widget.ListView
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.history.HistoryActivity
import org.kerasmobilevit.benchmark.ui.result.ResultActivity
import org.robolectric.Shadows.shadowOf

class HistoryActivityTest : ScreenTest() {
    @Test
    fun `without results it leads to the models`() {
        val activity = open<HistoryActivity>().get()
        assertTrue(activity.isShown(R.id.history_empty))
        activity.click(R.id.history_models)
        assertTrue(activity.isFinishing)
    }

    @Test
    fun `it lists results with file and median, and opens them`() {
        val file = SampleResults.write(context, SampleResults.int8(1.0))
        val activity = open<HistoryActivity>().get()
        assertFalse(activity.isShown(R.id.history_empty))
        val list = activity.findViewById<ListView>(R.id.history_list)
        assertEquals(1, list.count)
        val row = texts(list.adapter.getView(0, null, list))
        val median = String.format("%.2f ms", SampleResults.int8(1.0).statistics.median)
        assertTrue(row, "mobilevit_xxs_cifar10_int8.tflite" in row)
        assertTrue(row, "CPU · 4 threads" in row)
        assertTrue(row, median in row)
        shadowOf(list).performItemClick(0)
        val intent = assertOpens(ResultActivity::class.java, activity)
        assertEquals(file.path, intent.getStringExtra("file"))
    }

    @Test
    fun `a damaged result does not hide the others`() {
        SampleResults.write(context, SampleResults.int8())
        SampleResults.write(context, SampleResults.float32()).writeText("{")
        val list = open<HistoryActivity>().get().findViewById<ListView>(R.id.history_list)
        val rows = (0 until list.count).map { texts(list.adapter.getView(it, null, list)) }
        assertEquals(2, rows.size)
        assertEquals(1, rows.count { "Cannot be read" in it })
    }

    @Test
    fun `it shares all results as one table`() {
        repeat(2) { SampleResults.write(context, SampleResults.int8()) }
        val activity = open<HistoryActivity>().get()
        shadowOf(activity).clickMenuItem(R.id.history_share)
        val chooser = shadowOf(activity).nextStartedActivity
        assertEquals(Intent.ACTION_CHOOSER, chooser.action)
        @Suppress("DEPRECATION")
        val intent = chooser.getParcelableExtra<Intent>(Intent.EXTRA_INTENT)!!
        val uri = intent.clipData!!.getItemAt(0).uri
        val text = context.contentResolver.openInputStream(uri)!!.use { it.reader().readText() }
        assertEquals(3, text.trim().lines().size)
    }
}
