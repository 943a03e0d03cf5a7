package org.kerasmobilevit.benchmark.ui.result

import android.app.Activity
import android.app.AlertDialog
import android.content.Intent
import android.os.Bundle
import android.view.Menu
import android.view.MenuItem
import android.view.View
import android.widget.Toast
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.benchmark.ui.common.Screen
import org.kerasmobilevit.benchmark.ui.comparison.ComparisonActivity
import org.kerasmobilevit.benchmark.ui.share.ShareResults
import java.io.File
import java.io.IOException

/** One result with everything that is needed to judge it. */
class ResultActivity : Screen(R.layout.result) {
    private val file by lazy { File(intent.getStringExtra(FILE).orEmpty()) }
    private val store by lazy { ResultStore(this) }
    private var stored: StoredResult? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        findViewById<View>(R.id.result_compare).setOnClickListener {
            ComparisonActivity.start(this, file)
        }
    }

    override fun onStart() {
        super.onStart()
        inBackground({ store.read(file) to store.pinned() }) { (stored, pinned) ->
            this.stored = stored
            show(stored, pinned)
            invalidateOptionsMenu()
        }
    }

    private fun show(
        stored: StoredResult,
        pinned: StoredResult?,
    ) {
        toolbar.subtitle = Format(resources).date(stored.date)
        ResultView(findViewById(android.R.id.content)).show(stored)
        findViewById<View>(R.id.result_compare).visibility =
            if (pinned == null || pinned.id == stored.id) View.GONE else View.VISIBLE
    }

    override fun onCreateOptionsMenu(menu: Menu): Boolean {
        menuInflater.inflate(R.menu.result, menu)
        return true
    }

    override fun onPrepareOptionsMenu(menu: Menu): Boolean {
        val usable = stored?.result != null
        menu.findItem(R.id.result_delete).isVisible = stored != null
        menu.findItem(R.id.result_share).isVisible = usable
        menu.findItem(R.id.result_pin).apply {
            isVisible = usable
            val pinned = store.pinnedId == stored?.id
            setIcon(if (pinned) R.drawable.ic_pinned else R.drawable.ic_pin)
            setTitle(if (pinned) R.string.result_unpin else R.string.result_pin)
        }
        return true
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        val stored = stored ?: return super.onOptionsItemSelected(item)
        val document = stored.document
        when (item.itemId) {
            R.id.result_delete -> askToDelete(stored)
            R.id.result_pin -> pin(stored)
            R.id.result_share_json -> share { json(stored.id, checkNotNull(document)) }
            R.id.result_share_csv -> share { csv(stored.id, listOf(checkNotNull(document))) }
            else -> return super.onOptionsItemSelected(item)
        }
        return true
    }

    private fun pin(stored: StoredResult) {
        val pin = store.pinnedId != stored.id
        store.pinnedId = if (pin) stored.id else null
        val text = if (pin) R.string.result_pinned else R.string.result_unpinned
        Toast.makeText(this, text, Toast.LENGTH_LONG).show()
        invalidateOptionsMenu()
    }

    private fun share(make: ShareResults.() -> Intent) =
        inBackground({
            try {
                ShareResults(this).make()
            } catch (_: IOException) {
                null
            }
        }) { intent ->
            if (intent != null) {
                startActivity(intent)
            } else {
                Toast.makeText(this, R.string.result_share_failed, Toast.LENGTH_LONG).show()
            }
        }

    private fun askToDelete(stored: StoredResult) {
        AlertDialog
            .Builder(this)
            .setTitle(R.string.result_delete_question)
            .setMessage(R.string.result_delete_explanation)
            .setNegativeButton(R.string.cancel, null)
            .setPositiveButton(R.string.delete) { _, _ ->
                store.delete(stored)
                finish()
            }.show()
    }

    companion object {
        private const val FILE = "file"

        /** Opens the result in a file. */
        fun start(
            from: Activity,
            result: File,
        ) = from.startActivity(
            Intent(from, ResultActivity::class.java).putExtra(FILE, result.path),
        )
    }
}
