package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** Results with everything known, and with as little as possible. */
object SampleResults {
    private val hash = "0123456789abcdef".repeat(4)

    val full =
        BenchmarkResult(
            file = "int8.tflite",
            sha256 = hash,
            sizeBytes = 1_096_006,
            threads = 4,
            accelerator = AcceleratorChoice.CPU,
            process = "foreground app",
            runtime = "LiteRT 2.3.2",
            build = "release",
            samples =
                Samples(
                    doubleArrayOf(9.5, 3.25),
                    doubleArrayOf(2.0, 2.5, 3.0, 2.25, 12.0),
                    doubleArrayOf(0.0, 0.002, 0.0045, 0.0075, 0.00975),
                    ThermalRecord(0.5, 0.75, 0, 1, listOf(HeatSample(0.002, 0.5)), 4.0),
                ),
            initMs = 31.5,
            memory = MemoryMetrics(-12, 10_240, 81.5),
            delegation = Delegation("TfLiteXNNPackDelegate", 199, 200, 1),
            battery = Battery(saver = false, charging = true),
            selfTest =
                SelfTestResult(
                    Verdict.IDENTICAL,
                    Verdict.WITHIN,
                    mapOf("output" to OutputCheck(Verdict.IDENTICAL, 200.0, 31.5, "output")),
                    "LiteRT 2.3.0",
                ),
            model = ModelSummary("mobilevit_xxs", "mobilevit_xxs", "classification", "int8"),
            fidelity = JsonObject(mapOf("sqnr_db" to JsonPrimitive(23.4))),
            repeat = 1,
            warnings = listOf("The battery saver was on."),
        )

    val bare =
        full.copy(
            accelerator = AcceleratorChoice.GPU,
            build = null,
            samples =
                Samples(
                    doubleArrayOf(),
                    doubleArrayOf(1.0),
                    doubleArrayOf(0.0),
                    ThermalRecord(null, null, null, null, emptyList(), 0.0),
                ),
            initMs = null,
            memory = MemoryMetrics(),
            delegation = null,
            battery = null,
            selfTest = null,
            model = ModelSummary("", "", "detection", ""),
            fidelity = JsonObject(emptyMap()),
            repeat = 0,
            warnings = emptyList(),
        )

    val phone =
        Phone(
            "Google",
            "Pixel 9",
            "Tensor G4",
            "16",
            36,
            "arm64-v8a",
            8,
            listOf(1_950_000, 2_600_000, 3_100_000),
            mapOf("app" to "0.2.0", "litert" to "2.3.2"),
        )

    val document = ResultDocument(phone, listOf(full, bare))
}
