package org.kerasmobilevit.benchmark.ui.history

import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.BaseAdapter
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.benchmark.ui.result.StoredResult

/** Rows of the history. */
class HistoryAdapter(
    private val results: List<StoredResult>,
    private val pinnedId: String?,
) : BaseAdapter() {
    override fun getCount() = results.size

    override fun getItem(position: Int): StoredResult = results[position]

    override fun getItemId(position: Int) = position.toLong()

    override fun getView(
        position: Int,
        recycled: View?,
        parent: ViewGroup,
    ): View {
        val row =
            recycled ?: LayoutInflater
                .from(parent.context)
                .inflate(R.layout.history_row, parent, false)
        show(row, results[position])
        return row
    }

    private fun show(
        row: View,
        stored: StoredResult,
    ) {
        val resources = row.resources
        val format = Format(resources)
        val result = stored.result
        val date = format.date(stored.date)
        val how =
            if (result == null) {
                resources.getString(R.string.history_damaged)
            } else {
                val accelerator = format.accelerator(result.accelerator)
                format.line(listOf(accelerator, format.threads(result.threads)))
            }
        val median = result?.let { format.ms(it.statistics.median) }.orEmpty()
        row.text(R.id.history_name, result?.file ?: stored.file.name)
        row.text(R.id.history_how, how)
        row.text(R.id.history_date, date)
        row.text(R.id.history_median, median)
        row.findViewById<View>(R.id.history_pinned).visibility =
            if (stored.id == pinnedId) View.VISIBLE else View.GONE
    }

    private fun View.text(
        id: Int,
        text: String,
    ) {
        findViewById<TextView>(id).text = text
    }
}
