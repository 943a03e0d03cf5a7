package org.kerasmobilevit.core

/** Results as a table for spreadsheets. */
object Csv {
    private const val FORMULA_STARTS = "=+-@\t\r"
    private const val NEEDS_QUOTES = ",\"\r\n"

    private class Column(
        val name: String,
        val value: (Phone, BenchmarkResult) -> Any?,
    )

    private val COLUMNS =
        listOf(
            Column("manufacturer") { phone, _ -> phone.manufacturer },
            Column("model") { phone, _ -> phone.model },
            Column("soc") { phone, _ -> phone.soc },
            Column("android") { phone, _ -> phone.android },
            Column("app") { phone, _ -> phone.versions["app"] },
            Column("runtime") { _, result -> result.runtime },
            Column("build") { _, result -> result.build },
            Column("process") { _, result -> result.process },
            Column("file") { _, result -> result.file },
            Column("sha256") { _, result -> result.sha256 },
            Column("variant") { _, result -> result.model.variant },
            Column("recipe") { _, result -> result.model.recipe },
            Column("accelerator") { _, result -> result.accelerator.key },
            Column("threads") { _, result -> result.threads },
            Column("repeat") { _, result -> result.repeat },
            Column("runs") { _, result -> result.samples.ms.size },
            Column("median_ms") { _, result -> result.statistics.median },
            Column("p5_ms") { _, result -> result.statistics.p5 },
            Column("p95_ms") { _, result -> result.statistics.p95 },
            Column("avg_ms") { _, result -> result.statistics.mean },
            Column("stddev_ms") { _, result -> result.statistics.stddev },
            Column("min_ms") { _, result -> result.statistics.min },
            Column("max_ms") { _, result -> result.statistics.max },
            Column("trimmed_mean_ms") { _, result -> result.statistics.trimmedMean },
            Column("init_ms") { _, result -> result.initMs },
            Column("first_inference_ms") { _, result -> result.samples.firstMs },
            Column("init_footprint_kb") { _, result -> result.memory.initFootprintKb },
            Column("overall_footprint_kb") { _, result -> result.memory.overallFootprintKb },
            Column("peak_mem_mb") { _, result -> result.memory.peakMemMb },
            Column("nodes") { _, result -> result.delegation?.nodes },
            Column("delegated") { _, result -> result.delegation?.delegated },
            Column("partitions") { _, result -> result.delegation?.partitions },
            Column("headroom_before") { _, result -> result.samples.thermal.headroomBefore },
            Column("headroom_after") { _, result -> result.samples.thermal.headroomAfter },
            Column("waited_s") { _, result -> result.samples.thermal.waitedS },
            Column("battery_saver") { _, result -> result.battery?.saver },
            Column("self_test") { _, result -> result.selfTest?.verdict?.key },
            Column("self_test_passed") { _, result -> result.selfTest?.passed },
            Column("warnings") { _, result -> result.warnings.joinToString(" ") },
        )

    /**
     * One line for each result, below a line of names (RFC 4180: commas, CRLF, quotes doubled).
     * Unknown values are empty. Texts that a spreadsheet would take for formulas get an apostrophe
     * in front.
     */
    fun of(documents: List<ResultDocument>): String {
        val lines =
            documents.flatMap { document ->
                document.results.map { result -> COLUMNS.map { it.value(document.phone, result) } }
            }
        return (listOf(COLUMNS.map { it.name }) + lines).joinToString("") { line ->
            line.joinToString(",", postfix = "\r\n", transform = ::field)
        }
    }

    private fun field(value: Any?): String {
        if (value == null) return ""
        if (value !is String) return value.toString()
        val text = if (value.isNotEmpty() && value[0] in FORMULA_STARTS) "'$value" else value
        if (text.none { it in NEEDS_QUOTES }) return text
        return "\"" + text.replace("\"", "\"\"") + "\""
    }
}
