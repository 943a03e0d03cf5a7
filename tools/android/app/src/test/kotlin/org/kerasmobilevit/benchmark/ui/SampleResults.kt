package org.kerasmobilevit.benchmark.ui

import android.content.Context
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import org.kerasmobilevit.benchmark.engine.Results
import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.Battery
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.Delegation
import org.kerasmobilevit.core.HeatSample
import org.kerasmobilevit.core.MemoryMetrics
import org.kerasmobilevit.core.ModelSummary
import org.kerasmobilevit.core.OutputCheck
import org.kerasmobilevit.core.Phone
import org.kerasmobilevit.core.ResultDocument
import org.kerasmobilevit.core.Samples
import org.kerasmobilevit.core.SelfTestResult
import org.kerasmobilevit.core.ThermalRecord
import org.kerasmobilevit.core.Verdict
import java.io.File
import kotlin.math.sin

/** Results of a phone that does not exist. */
object SampleResults {
    val phone =
        Phone(
            manufacturer = "Example",
            model = "Phone 3",
            soc = "E3000",
            android = "15",
            sdk = 35,
            abi = "arm64-v8a",
            cores = 8,
            maxFrequenciesKhz = List(4) { 1_800_000L } + List(3) { 2_800_000L } + 3_000_000L,
            versions = mapOf("app" to "0.2.0", "litert" to "2.3.2"),
        )

    private val identical = OutputCheck(Verdict.IDENTICAL, 200.0, 20.0, "softmax_input")
    private val different = OutputCheck(Verdict.DIFFERENT, 11.2, 34.5, "output")

    val passed =
        SelfTestResult(
            Verdict.IDENTICAL,
            Verdict.IDENTICAL,
            mapOf("output" to identical),
            "ai-edge-litert 2.3.0",
        )

    val failed =
        SelfTestResult(
            Verdict.DIFFERENT,
            Verdict.IDENTICAL,
            mapOf("output" to different),
            "ai-edge-litert 2.3.0",
        )

    /** An int8 file whose latencies lie around [median] ms. */
    fun int8(
        median: Double = 1.24,
        count: Int = 100,
    ) = BenchmarkResult(
        file = "mobilevit_xxs_cifar10_int8.tflite",
        sha256 = "4f1c".repeat(16),
        sizeBytes = 1_117_180,
        threads = 4,
        accelerator = AcceleratorChoice.CPU,
        process = "foreground app",
        runtime = "LiteRT 2.3.2",
        build = "release",
        samples = samples(median, count),
        initMs = 38.4,
        memory = MemoryMetrics(5_120, 9_870, 61.5),
        delegation = Delegation("TfLiteXNNPackDelegate", 238, 238, 1),
        battery = Battery(saver = false, charging = true),
        selfTest = passed,
        model = ModelSummary("mobilevit_xxs", "mobilevit_xxs", "classification", "int8"),
        fidelity = JsonObject(mapOf("sqnr_db" to JsonPrimitive(23.4))),
    )

    /** A float32 file, slower, whose phone tells little. */
    fun float32(median: Double = 2.31) =
        int8(median).let {
            it.copy(
                file = "mobilevit_xxs_cifar10_float32.tflite",
                sizeBytes = 3_866_916,
                threads = 2,
                samples =
                    Samples(
                        it.samples.warmupMs,
                        it.samples.ms,
                        it.samples.startedAtS,
                        ThermalRecord(null, null, null, null, emptyList(), 0.0),
                    ),
                delegation = null,
                battery = null,
                selfTest = null,
                memory = MemoryMetrics(),
                initMs = null,
                build = null,
                model = it.model.copy(recipe = "float32"),
            )
        }

    fun document(vararg results: BenchmarkResult) = ResultDocument(phone, results.toList())

    /** Into the history. */
    fun write(
        context: Context,
        result: BenchmarkResult,
    ): File = Results(context).write(document(result))

    private fun samples(
        median: Double,
        count: Int,
    ): Samples {
        val ms =
            DoubleArray(count) {
                val outlier = if (it % 23 == 7) 0.35 else 0.0
                median * (1 + 0.04 * sin(it * 2.4) + 0.02 * sin(it * 0.31) + outlier)
            }
        val pause = 6.0 / count
        val started = DoubleArray(count) { it * pause }
        val heat = listOf(0.0 to 0.41, 2.0 to 0.46, 4.0 to 0.55, 5.9 to 0.58)
        return Samples(
            warmupMs = DoubleArray(10) { median * if (it == 0) 6.0 else 1.1 },
            ms = ms,
            startedAtS = started,
            thermal =
                ThermalRecord(
                    0.4,
                    0.58,
                    0,
                    0,
                    heat.map { HeatSample(it.first, it.second) },
                    12.0,
                ),
        )
    }
}
