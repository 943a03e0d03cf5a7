package org.kerasmobilevit.benchmark.ui

import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test
import org.kerasmobilevit.benchmark.ui.photo.Answers
import org.kerasmobilevit.benchmark.ui.photo.Difference
import org.kerasmobilevit.core.ModelInfo

class AnswersTest {
    private val infos = List(2) { ModelInfo(labels = listOf("background", "dog", "box")) }

    @Test
    fun `each label of either top 5 has a row`() {
        val rows = Answers.of(SamplePhotos.float32, SamplePhotos.int8, infos)!!.rows
        assertEquals(
            mapOf(
                "cat" to Difference.VALUE,
                "dog" to Difference.VALUE,
                "deer" to Difference.RANK,
                "frog" to Difference.RANK,
                "horse" to Difference.ONLY_FIRST,
                "bird" to Difference.ONLY_SECOND,
            ),
            rows.associate { it.label to it.difference },
        )
    }

    @Test
    fun `equal answers do not differ`() {
        val rows = Answers.of(SamplePhotos.int8, SamplePhotos.int8, infos)!!.rows
        assertEquals(setOf(Difference.NONE), rows.map { it.difference }.toSet())
        assertEquals(5, rows.size)
    }

    @Test
    fun `masks agree where they have the same class`() {
        val first = SamplePhotos.mask(0.0)
        val second = SamplePhotos.mask(0.0)
        second.classes.fill(2, 0, second.classes.size / 4)
        val changed = first.classes.indices.count { first.classes[it] != second.classes[it] }
        val expected = 1 - changed.toDouble() / first.classes.size
        assertEquals(expected, Answers.of(first, second, infos)!!.agreement!!, 1e-12)
    }

    @Test
    fun `different tasks cannot be compared`() {
        assertNull(Answers.of(SamplePhotos.int8, SamplePhotos.mask(3.0), infos))
    }
}
