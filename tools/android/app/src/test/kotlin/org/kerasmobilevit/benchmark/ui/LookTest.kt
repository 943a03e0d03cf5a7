package org.kerasmobilevit.benchmark.ui

import android.graphics.Color
import android.graphics.Insets
import android.graphics.drawable.VectorDrawable
import android.os.Build
import android.view.View
import android.view.WindowInsets
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.R
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config

@Config(sdk = [35])
class LookTest : ScreenTest() {
    /** Texts and what is below them. */
    private val pairs =
        listOf(
            R.color.text to R.color.background,
            R.color.text to R.color.card,
            R.color.text_secondary to R.color.background,
            R.color.text_secondary to R.color.card,
            R.color.primary to R.color.card,
            R.color.primary to R.color.background,
            R.color.on_primary to R.color.primary,
            R.color.on_primary_container to R.color.primary_container,
            R.color.on_good_container to R.color.good_container,
            R.color.on_warning_container to R.color.warning_container,
            R.color.on_error_container to R.color.error_container,
            // Checks in a card have the same inks.
            R.color.on_good_container to R.color.card,
            R.color.on_warning_container to R.color.card,
            R.color.on_error_container to R.color.card,
            R.color.plot_heat to R.color.card,
            R.color.plot_pinned to R.color.card,
        )

    @Test
    fun `texts have the contrast of WCAG AA, light and dark`() {
        for (qualifiers in listOf("+notnight", "+night")) {
            RuntimeEnvironment.setQualifiers(qualifiers)
            for ((text, ground) in pairs) {
                val name =
                    "$qualifiers ${context.resources.getResourceEntryName(text)} on " +
                        context.resources.getResourceEntryName(ground)
                val contrast = contrast(context.getColor(text), context.getColor(ground))
                assertTrue("$name: $contrast", contrast >= 4.5)
            }
        }
    }

    @Test
    @Config(sdk = [24, 35])
    fun `launchers that cut icons into a shape get one that they can cut`() {
        val icon = context.getDrawable(context.applicationInfo.icon)
        val isWhole = Build.VERSION.SDK_INT < Build.VERSION_CODES.O
        assertEquals(isWhole, icon is VectorDrawable)
        assertEquals(!isWhole, icon?.javaClass?.simpleName == "AdaptiveIconDrawable")
    }

    private fun contrast(
        first: Int,
        second: Int,
    ): Double {
        val (dark, light) = listOf(first, second).map { Color.luminance(it).toDouble() }.sorted()
        return (light + 0.05) / (dark + 0.05)
    }

    @Test
    fun `nothing lies below the bars of the system`() {
        val activity = open<MainActivity>().get()
        val bars = Insets.of(30, 100, 40, 80)
        activity.window.decorView.dispatchApplyWindowInsets(
            WindowInsets
                .Builder()
                .setInsets(WindowInsets.Type.systemBars(), bars)
                .build(),
        )
        val root = activity.findViewById<View>(R.id.toolbar).parent as View
        assertEquals(
            bars,
            Insets.of(root.paddingLeft, root.paddingTop, root.paddingRight, root.paddingBottom),
        )
    }
}
