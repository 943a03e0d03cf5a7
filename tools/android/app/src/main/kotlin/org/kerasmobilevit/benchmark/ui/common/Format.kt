package org.kerasmobilevit.benchmark.ui.common

import android.content.res.Resources
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.core.AcceleratorChoice
import java.text.DateFormat
import java.util.Date
import java.util.Locale
import kotlin.math.abs

/** Numbers and names as texts in the language of the user. */
class Format(
    private val resources: Resources,
) {
    private val locale: Locale get() = resources.configuration.locales[0]

    /** A number with so many decimals. */
    fun decimal(
        value: Double,
        decimals: Int,
    ): String = String.format(locale, "%,.${decimals}f", value)

    /** Milliseconds without the unit, in about four digits. */
    fun bareMs(value: Double): String {
        val decimals =
            when {
                abs(value) < 1 -> 3
                abs(value) < 100 -> 2
                else -> 1
            }
        return decimal(value, decimals)
    }

    fun ms(value: Double): String = resources.getString(R.string.milliseconds, bareMs(value))

    fun msRange(
        from: Double,
        to: Double,
    ): String = resources.getString(R.string.milliseconds_range, bareMs(from), bareMs(to))

    fun seconds(value: Double): String =
        resources.getString(R.string.seconds_value, decimal(value, if (value < 10) 1 else 0))

    /** Size of a file, in units of a million bytes. */
    fun megabytes(bytes: Long): String =
        resources.getString(R.string.megabytes, bareMegabytes(bytes))

    fun bareMegabytes(bytes: Long): String = decimal(bytes / 1e6, if (bytes < 1e7) 2 else 1)

    fun decibels(value: Double): String = resources.getString(R.string.decibels, decimal(value, 1))

    fun percent(share: Double): String =
        resources.getString(R.string.percent, decimal(100 * share, 1))

    fun headroom(value: Double): String = decimal(value, 2)

    fun threads(count: Int): String =
        resources.getQuantityString(R.plurals.threads_count, count, count)

    fun accelerator(choice: AcceleratorChoice): String =
        resources.getString(
            when (choice) {
                AcceleratorChoice.CPU -> R.string.accelerator_cpu
                AcceleratorChoice.GPU -> R.string.accelerator_gpu
            },
        )

    /** Day and minute. */
    fun date(date: Date): String =
        DateFormat.getDateTimeInstance(DateFormat.MEDIUM, DateFormat.SHORT, locale).format(date)

    /** Parts of a line, without the empty ones. */
    fun line(parts: List<String>): String =
        parts.filter { it.isNotBlank() }.joinToString(resources.getString(R.string.list_separator))
}
