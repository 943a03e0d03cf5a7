package org.kerasmobilevit.benchmark

import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.kerasmobilevit.benchmark.ui.MainActivity
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [24, 35])
class SkeletonTest {
    @Test
    fun `the first screen opens`() {
        val activity = Robolectric.buildActivity(MainActivity::class.java).setup().get()
        assertEquals("MobileViT Benchmark", activity.title)
    }
}
