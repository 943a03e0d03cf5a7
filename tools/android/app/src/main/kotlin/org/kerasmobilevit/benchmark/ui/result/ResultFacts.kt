package org.kerasmobilevit.benchmark.ui.result

import android.content.res.Resources
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Fact
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.Phone

/** A result as tables. */
class ResultFacts(
    private val resources: Resources,
) {
    private val format = Format(resources)

    /** All numbers that were measured. */
    fun statistics(result: BenchmarkResult): List<Fact> {
        val statistics = result.statistics
        val warmup = result.samples.warmupMs
        return listOfNotNull(
            fact(R.string.result_median, format.ms(statistics.median)),
            fact(R.string.result_percentiles, format.msRange(statistics.p5, statistics.p95)),
            fact(R.string.result_mean, format.ms(statistics.mean)),
            fact(R.string.result_trimmed_mean, format.ms(statistics.trimmedMean)),
            fact(R.string.result_deviation, format.ms(statistics.stddev)),
            fact(R.string.result_min, format.ms(statistics.min)),
            fact(R.string.result_max, format.ms(statistics.max)),
            fact(R.string.result_first, format.ms(result.samples.firstMs)),
            fact(R.string.result_runs, count(result.samples.ms.size)),
            fact(R.string.result_warmup_runs, count(warmup.size)),
            if (warmup.isEmpty()) {
                null
            } else {
                fact(R.string.result_warmup, format.ms(warmup.average()))
            },
            result.initMs?.let { fact(R.string.result_init, format.ms(it)) },
            result.memory.initFootprintKb?.let { fact(R.string.result_memory_init, memory(it)) },
            result.memory.overallFootprintKb?.let { fact(R.string.result_memory, memory(it)) },
            result.memory.peakMemMb?.let {
                fact(R.string.result_memory_peak, mebibytes(it))
            },
        )
    }

    /** What it was measured with. */
    fun provenance(
        result: BenchmarkResult,
        phone: Phone,
        date: String,
    ): List<Fact> {
        val thermal = result.samples.thermal
        return listOf(
            fact(R.string.result_date, date),
            fact(R.string.result_device, words(phone.manufacturer, phone.model)),
            fact(R.string.result_soc, phone.soc),
            fact(
                R.string.result_android,
                resources.getString(R.string.result_android_value, phone.android, phone.sdk),
            ),
            fact(R.string.result_abi, phone.abi),
            fact(R.string.result_accelerator, format.accelerator(result.accelerator)),
            fact(R.string.result_threads, threads(result, phone)),
            fact(R.string.result_runtime, result.runtime),
            fact(R.string.result_process, result.process),
            fact(R.string.result_build, result.build.orEmpty()),
            fact(R.string.result_version, phone.versions["app"].orEmpty()),
            fact(R.string.result_headroom, change(thermal.headroomBefore, thermal.headroomAfter)),
            fact(R.string.result_waited, format.seconds(thermal.waitedS)),
            fact(R.string.result_saver, yesNo(result.battery?.saver)),
            fact(R.string.result_charging, yesNo(result.battery?.charging)),
            fact(R.string.result_file, result.file),
            fact(R.string.result_size, format.megabytes(result.sizeBytes)),
            fact(R.string.result_recipe, result.model.recipe),
            fact(R.string.result_sha256, result.sha256),
        )
    }

    private fun fact(
        label: Int,
        value: String,
    ) = Fact(
        resources.getString(label),
        value.ifBlank { resources.getString(R.string.unknown) },
    )

    private fun words(vararg parts: String) = parts.filter { it.isNotBlank() }.joinToString(" ")

    private fun count(number: Int) = format.decimal(number.toDouble(), 0)

    private fun memory(kibibytes: Long) = mebibytes(kibibytes / 1024.0)

    private fun mebibytes(value: Double) =
        resources.getString(R.string.mebibytes, format.decimal(value, 1))

    private fun threads(
        result: BenchmarkResult,
        phone: Phone,
    ) = resources.getQuantityString(
        R.plurals.result_threads_value,
        phone.cores,
        result.threads,
        phone.cores,
    )

    private fun change(
        before: Double?,
        after: Double?,
    ): String =
        if (before == null && after == null) {
            ""
        } else {
            resources.getString(R.string.result_change, headroom(before), headroom(after))
        }

    private fun headroom(value: Double?) =
        value?.let(format::headroom) ?: resources.getString(R.string.unknown)

    private fun yesNo(value: Boolean?): String =
        if (value == null) "" else resources.getString(if (value) R.string.yes else R.string.no)
}
