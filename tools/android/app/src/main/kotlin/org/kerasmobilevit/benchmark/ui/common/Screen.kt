package org.kerasmobilevit.benchmark.ui.common

import android.app.Activity
import android.os.Bundle
import android.view.MenuItem
import android.widget.Toolbar
import org.kerasmobilevit.benchmark.R

/** A screen with a toolbar. Its layout includes `@layout/toolbar`. */
abstract class Screen(
    private val layout: Int,
) : Activity() {
    /** Whether the toolbar leads back. Not on the first screen. */
    protected open val hasBack = true

    protected val toolbar: Toolbar get() = findViewById(R.id.toolbar)

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

    /** Does [work] off the main thread and hands it to [then] on it, unless the screen is gone. */
    protected fun <T> inBackground(
        work: () -> T,
        then: (T) -> Unit,
    ) = Background.executor.execute {
        val done = work()
        runOnUiThread { if (!isDestroyed) then(done) }
    }
}
