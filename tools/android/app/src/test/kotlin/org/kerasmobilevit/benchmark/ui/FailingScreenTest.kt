package org.kerasmobilevit.benchmark.ui

import android.app.AlertDialog
import android.os.Bundle
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Screen
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowDialog

/** A failure that no screen expects. */
class FailingScreenTest : ScreenTest() {
    class FailingScreen : Screen(R.layout.history) {
        override fun onCreate(state: Bundle?) {
            super.onCreate(state)
            inBackground({ error("Three of two files.") }) { }
        }
    }

    @Test
    fun `a screen says what failed, and stays`() {
        val activity = open<FailingScreen>().get()
        idle()
        val dialog = shadowOf(ShadowDialog.getLatestDialog() as AlertDialog)
        assertEquals("Something went wrong", dialog.title.toString())
        assertTrue(dialog.message.toString(), "Three of two files." in dialog.message)
        assertFalse(activity.isShown(R.id.loading))
        assertFalse(activity.isFinishing)
    }
}
