package org.kerasmobilevit.benchmark.ui

import android.content.Intent
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.comparison.ComparisonActivity
import org.kerasmobilevit.benchmark.ui.result.ResultStore
import org.kerasmobilevit.core.BenchmarkResult

class ComparisonActivityTest : ScreenTest() {
    private fun compare(
        run: BenchmarkResult,
        pinned: BenchmarkResult?,
    ): ComparisonActivity {
        if (pinned != null) {
            val file = SampleResults.write(context, pinned)
            ResultStore(context).pinnedId = file.nameWithoutExtension
        }
        val file = SampleResults.write(context, run)
        val intent = Intent(context, ComparisonActivity::class.java).putExtra("file", file.path)
        return open<ComparisonActivity>(intent).get()
    }

    @Test
    fun `a faster run is said to be faster`() {
        val activity = compare(SampleResults.int8(1.0), SampleResults.int8(2.0))
        assertEquals("2.00× as fast", activity.text(R.id.comparison_ratio))
        val caption = activity.text(R.id.comparison_caption)
        assertTrue(caption, "50.0 % less time" in caption)
        val texts = activity.texts()
        assertTrue(texts, "The difference is clear" in texts)
        assertTrue(texts, "Measured alike" in texts)
    }

    @Test
    fun `a slower run is said to be slower`() {
        val activity = compare(SampleResults.int8(3.0), SampleResults.int8(2.0))
        assertEquals("1.50× as slow", activity.text(R.id.comparison_ratio))
        val caption = activity.text(R.id.comparison_caption)
        assertTrue(caption, "50.0 % more time" in caption)
    }

    @Test
    fun `ranges that overlap are not told apart`() {
        val texts = compare(SampleResults.int8(1.0), SampleResults.int8(1.01)).texts()
        assertTrue(texts, "They cannot be told apart" in texts)
    }

    @Test
    fun `other threads and another temperature are pointed out`() {
        val run = SampleResults.int8()
        val warm = run.samples.thermal.copy(headroomBefore = 0.9)
        val samples =
            org.kerasmobilevit.core.Samples(
                run.samples.warmupMs,
                run.samples.ms,
                run.samples.startedAtS,
                warm,
            )
        val texts = compare(run, run.copy(threads = 1, samples = samples)).texts()
        assertTrue(texts, "Not measured alike" in texts)
        assertTrue(texts, "threads: 4, pinned: 1" in texts)
        assertTrue(texts, "thermal headroom: 0.40, pinned: 0.90" in texts)
    }

    @Test
    fun `without a pinned run it says what to do`() {
        val activity = compare(SampleResults.int8(), null)
        assertEquals("There is nothing to compare", activity.text(R.id.note_title))
        assertTrue(activity.text(R.id.note_advice).isNotBlank())
        assertFalse(activity.isShown(R.id.comparison_headline))
    }
}
