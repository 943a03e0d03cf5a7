package org.kerasmobilevit.benchmark.ui.common

import android.app.Activity
import android.app.AlertDialog
import android.os.Bundle
import android.view.MenuItem
import android.view.View
import android.widget.Toolbar
import org.kerasmobilevit.benchmark.R

/** A screen with a toolbar. Its layout includes `@layout/toolbar`. */
abstract class Screen(
    private val layout: Int,
) : Activity() {
    /** Whether the toolbar leads back. Not on the first screen. */
    protected open val hasBack = true

    protected val toolbar: Toolbar get() = findViewById(R.id.toolbar)

    /** Pixels; 0 if it is done. */
    private var scrolled = 0

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(layout)
        setActionBar(toolbar)
        if (hasBack) {
            toolbar.setNavigationIcon(R.drawable.ic_back)
            toolbar.setNavigationContentDescription(R.string.back)
        }
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        if (item.itemId != android.R.id.home) return super.onOptionsItemSelected(item)
        finish()
        return true
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        findViewById<View>(R.id.scroll)?.let { state.putInt(SCROLLED, it.scrollY) }
    }

    override fun onRestoreInstanceState(state: Bundle) {
        super.onRestoreInstanceState(state)
        scrolled = state.getInt(SCROLLED)
    }

    /**
     * Does [work] off the main thread and hands it to [then] on it, unless the screen is gone.
     * Tells the user if it fails.
     */
    protected fun <T> inBackground(
        work: () -> T,
        then: (T) -> Unit,
    ) = Background.executor.execute {
        val done = attempt(work)
        runOnUiThread {
            if (!isDestroyed) {
                done.onSuccess(then).onFailure(::explain)
                scrollBack()
            }
        }
    }

    private fun explain(problem: Throwable) {
        if (isFinishing) return
        findViewById<View>(R.id.loading)?.visibility = View.GONE
        val note = problem.toNote(resources)
        AlertDialog
            .Builder(this)
            .setTitle(note.title)
            .setMessage(listOfNotNull(note.message, note.advice).joinToString("\n\n"))
            .setPositiveButton(android.R.string.ok, null)
            .show()
    }

    /** Where it was before the phone was turned, now that there is something to scroll. */
    private fun scrollBack() {
        val place = scrolled
        if (place == 0) return
        scrolled = 0
        findViewById<View>(R.id.scroll)?.run { post { scrollTo(0, place) } }
    }

    private companion object {
        const val SCROLLED = "scrolled"
    }
}
