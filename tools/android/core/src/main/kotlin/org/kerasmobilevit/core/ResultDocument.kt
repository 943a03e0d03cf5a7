package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject

/**
 * The phone that measured; texts are empty where unknown.
 *
 * @property soc system on a chip, such as `Tensor G4`.
 * @property android version, such as `16`.
 * @property sdk API level.
 * @property abi such as `arm64-v8a`.
 * @property maxFrequenciesKhz of each core; empty if unknown.
 * @property versions of `app` and `litert`.
 */
data class Phone(
    val manufacturer: String,
    val model: String,
    val soc: String,
    val android: String,
    val sdk: Int,
    val abi: String,
    val cores: Int,
    val maxFrequenciesKhz: List<Long>,
    val versions: Map<String, String>,
)

/** What a file of results holds: the machine, and measurements on it. */
data class ResultDocument(
    val phone: Phone,
    val results: List<BenchmarkResult>,
) {
    /** The document of schema version 1, as JSON. */
    fun toJson(): JsonObject = TODO()

    /** The document as text, which [parse] reads. */
    fun toText(): String = TODO()

    companion object {
        const val SCHEMA_VERSION = 1

        /**
         * Reads a document of a phone.
         *
         * @throws IllegalArgumentException if it is none, or of a newer schema.
         */
        fun parse(text: String): ResultDocument = TODO()
    }
}
