package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject

/**
 * Memory of the process; null where unknown.
 *
 * @property initFootprintKb growth until the model was ready, in KiB.
 * @property overallFootprintKb growth until the end, in KiB.
 * @property peakMemMb highest value, in MiB.
 */
data class MemoryMetrics(
    val initFootprintKb: Long? = null,
    val overallFootprintKb: Long? = null,
    val peakMemMb: Double? = null,
)

/** State of the battery during a measurement; null where unknown. */
data class Battery(
    val saver: Boolean?,
    val charging: Boolean?,
)

/** What a result says of its model. */
data class ModelSummary(
    val name: String,
    val variant: String,
    val task: String,
    val recipe: String,
) {
    companion object {
        /** What a description says. */
        fun of(info: ModelInfo) = ModelSummary(info.name, info.variant, info.task.key, info.recipe)
    }
}

/**
 * One measurement of one file with everything that is needed to judge it.
 *
 * @property file name of the file, without folders.
 * @property sha256 hash of the file, hexadecimal.
 * @property threads of the CPU that were asked for.
 * @property process kind of process: `foreground app` or `background app`.
 * @property runtime such as `LiteRT 2.3.2`.
 * @property build `release` or `debug`; null if unknown.
 * @property samples raw latencies and thermal state.
 * @property initMs from opening the file until it was ready, in milliseconds; null if unknown.
 * @property delegation null if unknown.
 * @property fidelity as in the file, measured in comparison with float32.
 * @property repeat which repeat of a series it is, from 0.
 * @property warnings sentences for the reader.
 */
data class BenchmarkResult(
    val file: String,
    val sha256: String,
    val sizeBytes: Long,
    val threads: Int,
    val accelerator: AcceleratorChoice,
    val process: String,
    val runtime: String,
    val build: String?,
    val samples: Samples,
    val initMs: Double?,
    val memory: MemoryMetrics,
    val delegation: Delegation?,
    val battery: Battery?,
    val selfTest: SelfTestResult?,
    val model: ModelSummary,
    val fidelity: JsonObject,
    val repeat: Int = 0,
    val warnings: List<String> = emptyList(),
    val tool: String = "app",
) {
    /** Name in tables, such as `int8.tflite, 4 thread(s), cpu`. */
    val name: String get() = "$file, $threads thread(s), ${accelerator.key}"

    /** Statistics of the timed inferences. */
    val statistics: Statistics by lazy { Statistics.of(samples.ms) }

    /** One entry of `results` of the JSON document. */
    fun toJson(): JsonObject = ResultJson.write(this)

    companion object {
        /**
         * Reads what [toJson] wrote.
         *
         * @throws IllegalArgumentException if it is something else.
         */
        fun fromJson(json: JsonObject): BenchmarkResult = ResultReader.read(json)
    }
}
