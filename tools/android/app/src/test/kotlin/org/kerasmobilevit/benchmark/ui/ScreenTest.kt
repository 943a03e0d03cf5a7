package org.kerasmobilevit.benchmark.ui

import android.app.Activity
import android.app.AlertDialog
import android.content.DialogInterface
import android.content.Intent
import android.os.Looper
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.runner.RunWith
import org.kerasmobilevit.benchmark.ui.common.Background
import org.kerasmobilevit.benchmark.ui.common.Engine
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowDialog
import java.util.concurrent.Executor

/** What tests of screens have in common: fake runs, and no other threads. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [24, 35])
abstract class ScreenTest {
    protected val runs = FakeRuns()
    protected val context get() = RuntimeEnvironment.getApplication()
    private val executor = Background.executor
    private val factory = Engine.runs

    @Before
    fun replace() {
        Background.executor = Executor { it.run() }
        Engine.runs = { runs }
    }

    @After
    fun putBack() {
        Background.executor = executor
        Engine.runs = factory
    }

    protected inline fun <reified T : Activity> open(
        intent: Intent? = null,
    ): ActivityController<T> =
        Robolectric.buildActivity(T::class.java, intent ?: Intent(context, T::class.java)).setup()

    protected fun idle() = shadowOf(Looper.getMainLooper()).idle()

    protected fun Activity.text(id: Int) = plain(findViewById<TextView>(id).text)

    protected fun Activity.isShown(id: Int) = findViewById<View>(id).isShown

    protected fun Activity.click(id: Int) {
        findViewById<View>(id).performClick()
        idle()
    }

    /** All texts that can be seen, in their order. */
    protected fun Activity.texts(): String = texts(findViewById(android.R.id.content))

    protected fun texts(view: View): String =
        when {
            view.visibility != View.VISIBLE -> {
                ""
            }

            view is TextView -> {
                "${plain(view.text)}\n"
            }

            view is ViewGroup -> {
                (0 until view.childCount).joinToString("") {
                    texts(view.getChildAt(it))
                }
            }

            else -> {
                ""
            }
        }

    /** Without the spaces that do not break. */
    protected fun plain(text: CharSequence) = text.toString().replace('\u00a0', ' ')

    /** The screen that was opened last, and its intent. */
    protected fun assertOpens(
        screen: Class<out Activity>,
        from: Activity,
    ): Intent {
        val intent = shadowOf(from).nextStartedActivity
        assertEquals(screen.name, intent.component?.className)
        return intent
    }

    /** Says yes in the dialog on the screen. */
    protected fun confirm() {
        val dialog = ShadowDialog.getLatestDialog() as AlertDialog
        dialog.getButton(DialogInterface.BUTTON_POSITIVE).performClick()
        idle()
    }
}
