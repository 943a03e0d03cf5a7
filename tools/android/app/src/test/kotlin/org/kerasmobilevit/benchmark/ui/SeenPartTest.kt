package org.kerasmobilevit.benchmark.ui

import android.graphics.RectF
import org.junit.Assert.assertEquals
import org.junit.Test
import org.kerasmobilevit.benchmark.ui.photo.seenPart
import org.kerasmobilevit.core.CropMode
import org.kerasmobilevit.core.ImageSpec

class SeenPartTest : ScreenTest() {
    @Test
    fun `a square input sees the middle of a wide photo`() {
        val part = seenPart(ImageSpec(), 200, 100, 64, 64)
        assertEquals(RectF(0.25f, 0f, 0.75f, 1f), part)
    }

    @Test
    fun `a crop sees less`() {
        val part = seenPart(ImageSpec(cropPct = 0.5), 100, 200, 64, 64)
        assertEquals(RectF(0.25f, 0.375f, 0.75f, 0.625f), part)
    }

    @Test
    fun `without a crop it sees everything`() {
        val part = seenPart(ImageSpec(cropMode = CropMode.SQUASH), 200, 100, 64, 64)
        assertEquals(RectF(0f, 0f, 1f, 1f), part)
    }
}
