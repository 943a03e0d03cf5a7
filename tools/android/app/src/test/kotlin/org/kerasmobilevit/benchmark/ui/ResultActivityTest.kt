package org.kerasmobilevit.benchmark.ui

import android.content.Intent
import android.net.Uri
import android.view.View
import android.widget.Button
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.comparison.ComparisonActivity
import org.kerasmobilevit.benchmark.ui.plot.SamplesPlot
import org.kerasmobilevit.benchmark.ui.result.ResultActivity
import org.kerasmobilevit.benchmark.ui.result.ResultStore
import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.Delegation
import org.kerasmobilevit.core.ResultDocument
import org.robolectric.Shadows.shadowOf
import java.io.File

class ResultActivityTest : ScreenTest() {
    private fun open(file: File) =
        open<ResultActivity>(
            Intent(context, ResultActivity::class.java).putExtra("file", file.path),
        )

    private fun open(result: BenchmarkResult) = open(SampleResults.write(context, result)).get()

    /** What another app receives. */
    @Suppress("DEPRECATION")
    private fun shared(activity: ResultActivity): Pair<Intent, String> {
        val chooser = shadowOf(activity).nextStartedActivity
        assertEquals(Intent.ACTION_CHOOSER, chooser.action)
        val intent = chooser.getParcelableExtra<Intent>(Intent.EXTRA_INTENT)!!
        assertEquals(Intent.ACTION_SEND, intent.action)
        assertTrue(intent.flags and Intent.FLAG_GRANT_READ_URI_PERMISSION != 0)
        val uri = intent.getParcelableExtra<Uri>(Intent.EXTRA_STREAM)!!
        assertEquals(uri, intent.clipData!!.getItemAt(0).uri)
        val text = context.contentResolver.openInputStream(uri)!!.use { it.reader().readText() }
        return intent to text
    }

    @Test
    fun `it shows the median, the spread, the tables and the checks`() {
        val result = SampleResults.int8()
        val activity = open(result)
        val median = String.format("%.2f ms", result.statistics.median)
        assertEquals(median, activity.text(R.id.result_median))
        assertEquals("Median of 100 runs", activity.text(R.id.result_caption))
        val texts = activity.texts()
        for (expected in listOf(
            "Example Phone 3",
            "15 (API 35)",
            "4, on 8 cores",
            "LiteRT 2.3.2",
            "foreground app",
            result.sha256,
            "0.40 before, 0.58 after",
            "Self-test: identical",
            "Delegation: complete",
            "238 of 238 nodes run in TfLiteXNNPackDelegate, in 1 partition.",
            "61.5 MiB",
        )) {
            assertTrue("$expected in $texts", expected in texts)
        }
    }

    @Test
    fun `the plot tells of itself`() {
        val activity = open(SampleResults.int8())
        val text =
            activity
                .findViewById<SamplesPlot>(
                    R.id.result_plot,
                ).contentDescription
                .toString()
        assertTrue(text, text.startsWith("Plot of 100 runs in "))
        assertTrue(text, "0.41 at first, 0.58 at last, at most 0.58" in text)
    }

    @Test
    fun `what is unknown is called unknown`() {
        val texts = open(SampleResults.float32()).texts()
        assertTrue(texts, "Delegation: unknown" in texts)
        assertTrue(texts, "No self-test" in texts)
        assertTrue(texts, "Thermal headroom\nUnknown" in texts)
        assertTrue(texts, "Battery saver\nUnknown" in texts)
    }

    @Test
    fun `a failed self-test and a graph in part on the CPU are not silent`() {
        val result =
            SampleResults.int8().copy(
                accelerator = AcceleratorChoice.GPU,
                selfTest = SampleResults.failed,
                delegation = Delegation("TfLiteGpuDelegate", 199, 238, 3),
            )
        val texts = open(result).texts()
        assertTrue(texts, "Self-test: different" in texts)
        assertTrue(texts, "11.2 dB SQNR, expected at least 34.5 dB" in texts)
        assertTrue(texts, "GPUs compute in float16" in texts)
        assertTrue(texts, "Delegation: partial" in texts)
        assertTrue(texts, "199 of 238 nodes" in texts)
    }

    @Test
    fun `warnings of the result are shown`() {
        val warning = "Battery saver was on."
        val texts = open(SampleResults.int8().copy(warnings = listOf(warning))).texts()
        assertTrue(texts, warning in texts)
    }

    @Test
    fun `it shares valid JSON`() {
        val activity = open(SampleResults.int8())
        shadowOf(activity).clickMenuItem(R.id.result_share_json)
        val (intent, text) = shared(activity)
        assertEquals("application/json", intent.type)
        val result = ResultDocument.parse(text).results.single()
        assertEquals(SampleResults.int8().sha256, result.sha256)
        assertEquals(100, result.samples.ms.size)
    }

    @Test
    fun `it shares CSV`() {
        val activity = open(SampleResults.int8())
        shadowOf(activity).clickMenuItem(R.id.result_share_csv)
        val (intent, text) = shared(activity)
        assertEquals("text/csv", intent.type)
        assertEquals(2, text.trim().lines().size)
        assertTrue(text, SampleResults.int8().file in text)
    }

    @Test
    fun `a pinned result can be compared with another one`() {
        val pinned = SampleResults.write(context, SampleResults.float32())
        val activity = open(pinned).get()
        assertFalse(activity.isShown(R.id.result_compare))
        shadowOf(activity).clickMenuItem(R.id.result_pin)
        assertEquals(pinned.nameWithoutExtension, ResultStore(context).pinnedId)

        val file = SampleResults.write(context, SampleResults.int8())
        val other = open(file).get()
        assertTrue(other.findViewById<Button>(R.id.result_compare).isShown)
        other.click(R.id.result_compare)
        val intent = assertOpens(ComparisonActivity::class.java, other)
        assertEquals(file.path, intent.getStringExtra("file"))

        shadowOf(activity).clickMenuItem(R.id.result_pin)
        assertEquals(null, ResultStore(context).pinnedId)
    }

    @Test
    fun `it can be deleted`() {
        val file = SampleResults.write(context, SampleResults.int8())
        val activity = open(file).get()
        ResultStore(context).pinnedId = file.nameWithoutExtension
        shadowOf(activity).clickMenuItem(R.id.result_delete)
        assertTrue(file.exists())
        confirm()
        assertFalse(file.exists())
        assertTrue(activity.isFinishing)
        assertEquals(null, ResultStore(context).pinnedId)
    }

    @Test
    fun `a damaged file says so and can be deleted`() {
        val file = SampleResults.write(context, SampleResults.int8())
        file.writeText(file.readText().take(300))
        val activity = open(file).get()
        assertEquals("This result cannot be read", activity.text(R.id.note_title))
        assertTrue("a file that breaks off" in activity.text(R.id.note_message))
        assertFalse(activity.isShown(R.id.result_summary))
        assertEquals(View.GONE, activity.findViewById<View>(R.id.loading).visibility)
        shadowOf(activity).clickMenuItem(R.id.result_delete)
        confirm()
        assertFalse(file.exists())
    }
}
