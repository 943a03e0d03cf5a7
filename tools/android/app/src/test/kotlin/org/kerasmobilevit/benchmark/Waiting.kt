package org.kerasmobilevit.benchmark

import android.os.Looper
import org.junit.Assert.assertTrue
import org.robolectric.Shadows.shadowOf

/** For tests of what other threads tell the main thread. */
object Waiting {
    private const val NANOS = 30_000_000_000L

    fun until(condition: () -> Boolean) {
        val end = System.nanoTime() + NANOS
        while (!condition()) {
            assertTrue("It did not happen in 30 s.", System.nanoTime() < end)
            Thread.sleep(5)
            shadowOf(Looper.getMainLooper()).idle()
        }
    }
}
