package org.kerasmobilevit.benchmark.ui.common

import android.content.Context
import android.util.AttributeSet
import android.view.LayoutInflater
import android.widget.LinearLayout
import android.widget.TextView
import org.kerasmobilevit.benchmark.R

/** A label and its value. */
data class Fact(
    val label: String,
    val value: String,
)

/** Rows of facts with a line between them. */
class FactTable(
    context: Context,
    attributes: AttributeSet?,
) : LinearLayout(context, attributes) {
    init {
        orientation = VERTICAL
        showDividers = SHOW_DIVIDER_MIDDLE
        dividerDrawable = context.getDrawable(R.drawable.divider)
    }

    fun show(facts: List<Fact>) {
        removeAllViews()
        for (fact in facts) {
            val row = LayoutInflater.from(context).inflate(R.layout.fact_row, this, false)
            row.findViewById<TextView>(R.id.fact_label).text = fact.label
            row.findViewById<TextView>(R.id.fact_value).text = fact.value
            row.contentDescription =
                resources.getString(R.string.fact_description, fact.label, fact.value)
            addView(row)
        }
    }
}
