package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject

/** Reads results again that [ResultJson] wrote. */
internal object ResultReader {
    private const val MAX_SAMPLES = 1_000_000
    private const val MAX_COUNT = 1_000_000_000

    /** @throws IllegalArgumentException if a value is missing, or of another type. */
    fun read(json: JsonObject): BenchmarkResult {
        val fields = JsonFields(json)
        val latency = fields.fields("latency_metrics")
        val memory = fields.fields("memory_metrics")
        val samples = samples(fields)
        return BenchmarkResult(
            file = fields.text("file"),
            sha256 = fields.text("sha256"),
            sizeBytes =
                fields.whole("size_bytes", 0, Long.MAX_VALUE) ?: fields.fail("size_bytes", "there"),
            threads =
                fields.int("num_threads", 1, 1024) ?: fields.fail("num_threads", "there"),
            accelerator =
                fields.choice("accelerator", AcceleratorChoice.entries, AcceleratorChoice::key)
                    ?: fields.fail("accelerator", "there"),
            process = fields.text("process"),
            runtime = fields.text("runtime"),
            build = if (fields.isNull("build")) null else fields.text("build"),
            samples = samples,
            initMs = latency.number("init_ms"),
            memory =
                MemoryMetrics(
                    memory.whole("init_footprint_kb", Long.MIN_VALUE, Long.MAX_VALUE),
                    memory.whole("overall_footprint_kb", Long.MIN_VALUE, Long.MAX_VALUE),
                    memory.number("peak_mem_mb"),
                ),
            delegation = delegation(fields),
            battery =
                fields.optionalFields("battery")?.let {
                    Battery(it.optionalFlag("saver"), it.optionalFlag("charging"))
                },
            selfTest = fields.optionalFields("self_test")?.let(::selfTest),
            model = fields.fields("model").let(::model),
            fidelity = fields.json("fidelity"),
            repeat = fields.int("repeat", 0, MAX_COUNT) ?: 0,
            warnings = fields.texts("warnings", 1000),
            tool = fields.text("tool"),
        )
    }

    private fun samples(fields: JsonFields): Samples {
        fun times(key: String) =
            fields.numberList(key, MAX_SAMPLES).toDoubleArray().also { times ->
                if (times.any { it < 0 }) fields.fail(key, "numbers from 0")
            }
        val ms = times("samples_ms")
        if (ms.isEmpty()) fields.fail("samples_ms", "a list of at least one number")
        return Samples(
            warmupMs = times("warmup_ms"),
            ms = ms,
            startedAtS = times("samples_at_s"),
            thermal = thermal(fields.fields("thermal")),
        )
    }

    private fun thermal(fields: JsonFields) =
        ThermalRecord(
            headroomBefore = fields.number("headroom_before", nullable = true),
            headroomAfter = fields.number("headroom_after", nullable = true),
            statusBefore = fields.int("status_before", 0, 6, nullable = true),
            statusAfter = fields.int("status_after", 0, 6, nullable = true),
            samples =
                fields.objects("samples").map {
                    HeatSample(
                        it.number("at_s") ?: it.fail("at_s", "there"),
                        it.number("headroom") ?: it.fail("headroom", "there"),
                    )
                },
            waitedS = fields.number("waited_s") ?: 0.0,
        )

    private fun delegation(fields: JsonFields): Delegation? {
        fun count(key: String) = fields.int(key, 0, MAX_COUNT, nullable = true)
        val nodes = count("nodes")
        val delegated = count("delegated")
        val partitions = count("partitions")
        if (nodes == null || delegated == null) return null
        val delegate = if (fields.isNull("delegate")) "" else fields.text("delegate")
        return Delegation(delegate, delegated, nodes, partitions)
    }

    private fun selfTest(fields: JsonFields): SelfTestResult {
        val outputs = fields.fields("outputs")
        return SelfTestResult(
            verdict(fields, "verdict"),
            verdict(fields, "expected"),
            fields.json("outputs").keys.associateWith { name ->
                val check = outputs.fields(name)
                OutputCheck(
                    verdict(check, "verdict"),
                    check.number("sqnr_db") ?: check.fail("sqnr_db", "there"),
                    check.number("least_sqnr_db") ?: check.fail("least_sqnr_db", "there"),
                    check.text("covers"),
                )
            },
            fields.text("runtime"),
        )
    }

    private fun verdict(
        fields: JsonFields,
        key: String,
    ) = fields.choice(key, Verdict.entries, Verdict::key) ?: fields.fail(key, "there")

    private fun model(fields: JsonFields) =
        ModelSummary(
            fields.text("name"),
            fields.text("variant"),
            fields.text("task"),
            fields.text("recipe"),
        )
}
