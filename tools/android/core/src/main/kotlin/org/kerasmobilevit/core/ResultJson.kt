package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.add
import kotlinx.serialization.json.addJsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject

/**
 * The JSON form of one result, as `benchmark_results.schema.json` of keras_mobilevit defines it;
 * latency, memory and misc metrics have the names of TensorFlow's `benchmark_result.proto`.
 */
internal object ResultJson {
    private const val BYTES_PER_MB = 1e6

    fun write(result: BenchmarkResult): JsonObject =
        buildJsonObject {
            put("name", oneLine(result.name))
            putLatencies(result)
            putMemory(result.memory)
            putJsonObject("misc_metrics") {
                put("model_size_mb", result.sizeBytes / BYTES_PER_MB)
                put("num_runs", result.samples.ms.size)
                put("num_warmup_runs", result.samples.warmupMs.size)
            }
            put("file", oneLine(result.file))
            put("sha256", result.sha256)
            put("size_bytes", result.sizeBytes)
            put("num_threads", result.threads)
            put("accelerator", result.accelerator.key)
            put("tool", result.tool)
            put("process", result.process)
            put("runtime", oneLine(result.runtime))
            put("build", result.build)
            put("nodes", result.delegation?.nodes)
            put("delegated", result.delegation?.delegated)
            put("partitions", result.delegation?.partitions)
            put("delegate", result.delegation?.delegate?.let(::oneLine))
            put("speedup", JsonNull)
            put("trimmed_mean_ms", result.statistics.trimmedMean)
            putNumbers("samples_ms", result.samples.ms)
            putNumbers("samples_at_s", result.samples.startedAtS)
            putNumbers("warmup_ms", result.samples.warmupMs)
            putThermal(result.samples.thermal)
            putBattery(result.battery)
            putSelfTest(result.selfTest)
            putModel(result.model)
            put("fidelity", result.fidelity)
            put("repeat", result.repeat)
            putJsonArray("warnings") { result.warnings.forEach { add(oneLine(it)) } }
        }

    private fun JsonObjectBuilder.putLatencies(result: BenchmarkResult) {
        val statistics = result.statistics
        val warmupMs = result.samples.warmupMs
        putJsonObject("latency_metrics") {
            put("avg_ms", statistics.mean)
            put("min_ms", statistics.min)
            put("max_ms", statistics.max)
            put("stddev_ms", statistics.stddev)
            put("median_ms", statistics.median)
            put("p5_ms", statistics.p5)
            put("p95_ms", statistics.p95)
            putIfKnown("init_ms", result.initMs)
            put("first_inference_ms", result.samples.firstMs)
            if (warmupMs.isNotEmpty()) put("average_warm_up_ms", warmupMs.average())
        }
    }

    private fun JsonObjectBuilder.putMemory(memory: MemoryMetrics) {
        putJsonObject("memory_metrics") {
            putIfKnown("init_footprint_kb", memory.initFootprintKb)
            putIfKnown("overall_footprint_kb", memory.overallFootprintKb)
            putIfKnown("peak_mem_mb", memory.peakMemMb)
        }
    }

    private fun JsonObjectBuilder.putThermal(thermal: ThermalRecord) {
        putJsonObject("thermal") {
            put("headroom_before", thermal.headroomBefore)
            put("headroom_after", thermal.headroomAfter)
            put("status_before", thermal.statusBefore)
            put("status_after", thermal.statusAfter)
            putJsonArray("samples") {
                for (sample in thermal.samples) {
                    addJsonObject {
                        put("at_s", sample.atS)
                        put("headroom", sample.headroom)
                    }
                }
            }
            put("waited_s", thermal.waitedS)
        }
    }

    private fun JsonObjectBuilder.putBattery(battery: Battery?) {
        if (battery == null) {
            put("battery", JsonNull)
            return
        }
        putJsonObject("battery") {
            put("saver", battery.saver)
            put("charging", battery.charging)
        }
    }

    private fun JsonObjectBuilder.putSelfTest(test: SelfTestResult?) {
        if (test == null) {
            put("self_test", JsonNull)
            return
        }
        putJsonObject("self_test") {
            put("verdict", test.verdict.key)
            put("expected", test.expected.key)
            put("passed", test.passed)
            put("runtime", oneLine(test.runtime))
            putJsonObject("outputs") {
                for ((name, check) in test.outputs) {
                    putJsonObject(name) {
                        put("verdict", check.verdict.key)
                        put("sqnr_db", check.sqnrDb)
                        put("least_sqnr_db", check.leastSqnrDb)
                        put("covers", check.covers)
                    }
                }
            }
        }
    }

    private fun JsonObjectBuilder.putModel(model: ModelSummary) {
        putJsonObject("model") {
            put("name", oneLine(model.name))
            put("variant", oneLine(model.variant))
            put("task", model.task)
            put("recipe", oneLine(model.recipe))
        }
    }

    private fun JsonObjectBuilder.putNumbers(
        key: String,
        numbers: DoubleArray,
    ) {
        putJsonArray(key) { numbers.forEach { add(it) } }
    }

    private fun JsonObjectBuilder.putIfKnown(
        key: String,
        value: Number?,
    ) {
        if (value != null) put(key, value)
    }
}

/** A text as the schema wants it: one line, without control characters. */
internal fun oneLine(text: String): String =
    text
        .map { if (it.isISOControl() || it.isSurrogate() || it > '\uFFFD') ' ' else it }
        .joinToString("")
        .take(1000)
