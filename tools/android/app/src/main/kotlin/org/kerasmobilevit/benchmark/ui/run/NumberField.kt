package org.kerasmobilevit.benchmark.ui.run

import android.widget.EditText
import org.kerasmobilevit.benchmark.R

/** A field for a number, which says so if its text is none or out of range. */
class NumberField(
    private val view: EditText,
    private val range: ClosedFloatingPointRange<Double>,
) {
    /** The number, or null after showing what is wrong with it. */
    fun read(): Double? {
        // Keyboards of some languages have a comma only.
        val number =
            view.text
                .toString()
                .trim()
                .replace(',', '.')
                .toDoubleOrNull()
        if (number != null && number in range) {
            view.error = null
            return number
        }
        view.error =
            view.context.getString(
                R.string.run_error_range,
                text(range.start),
                text(range.endInclusive),
            )
        view.requestFocus()
        return null
    }

    private fun text(limit: Double) =
        if (limit % 1 == 0.0) limit.toInt().toString() else limit.toString()
}
