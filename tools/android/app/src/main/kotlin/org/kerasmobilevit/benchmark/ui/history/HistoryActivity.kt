package org.kerasmobilevit.benchmark.ui.history

import android.os.Bundle
import android.view.Menu
import android.view.MenuItem
import android.view.View
import android.widget.ListView
import android.widget.Toast
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Screen
import org.kerasmobilevit.benchmark.ui.result.ResultActivity
import org.kerasmobilevit.benchmark.ui.result.ResultStore
import org.kerasmobilevit.benchmark.ui.result.StoredResult
import org.kerasmobilevit.benchmark.ui.share.ShareResults
import java.io.IOException

/** All results on this phone. */
class HistoryActivity : Screen(R.layout.history) {
    private val store by lazy { ResultStore(this) }
    private var results = listOf<StoredResult>()

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        findViewById<View>(R.id.history_models).setOnClickListener { finish() }
        findViewById<ListView>(R.id.history_list).setOnItemClickListener { _, _, position, _ ->
            ResultActivity.start(this, results[position].file)
        }
    }

    override fun onStart() {
        super.onStart()
        inBackground(store::list, ::show)
    }

    private fun show(results: List<StoredResult>) {
        this.results = results
        val list = findViewById<ListView>(R.id.history_list)
        val scrolled = list.onSaveInstanceState()
        list.adapter = HistoryAdapter(results, store.pinnedId)
        list.onRestoreInstanceState(scrolled)
        findViewById<View>(R.id.loading).visibility = View.GONE
        findViewById<View>(R.id.history_empty).visibility =
            if (results.isEmpty()) View.VISIBLE else View.GONE
        invalidateOptionsMenu()
    }

    override fun onCreateOptionsMenu(menu: Menu): Boolean {
        menuInflater.inflate(R.menu.history, menu)
        return true
    }

    override fun onPrepareOptionsMenu(menu: Menu): Boolean {
        menu.findItem(R.id.history_share).isVisible = results.any { it.document != null }
        return true
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        if (item.itemId != R.id.history_share) return super.onOptionsItemSelected(item)
        share()
        return true
    }

    private fun share() =
        inBackground({
            try {
                ShareResults(this).csv("mobilevit_results", results.mapNotNull { it.document })
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
}
