package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject

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
    fun toJson(): JsonObject =
        buildJsonObject {
            put("schema_version", SCHEMA_VERSION)
            put("machine", PhoneJson.write(phone))
            putJsonArray("results") { results.forEach { add(it.toJson()) } }
        }

    /** The document as text, which [parse] reads. */
    fun toText(): String = toJson().toString()

    companion object {
        /** Version of the format. */
        const val SCHEMA_VERSION = 1

        /**
         * Reads a document of a phone.
         *
         * @throws IllegalArgumentException if it is none, or of a newer schema.
         */
        fun parse(text: String): ResultDocument {
            val fields = JsonFields(StrictJson.parseObject(text))
            fields.int("schema_version", SCHEMA_VERSION, SCHEMA_VERSION)
                ?: fields.fail("schema_version", "$SCHEMA_VERSION")
            val results = fields.items("results")
            require(results.all { it is JsonObject }) { "`results` must be a list of objects" }
            return ResultDocument(
                PhoneJson.read(fields.fields("machine")),
                results.map { BenchmarkResult.fromJson(it as JsonObject) },
            )
        }
    }
}

/** The JSON form of [Phone]. */
private object PhoneJson {
    fun write(phone: Phone) =
        buildJsonObject {
            put("kind", "phone")
            put("manufacturer", oneLine(phone.manufacturer))
            put("model", oneLine(phone.model))
            put("soc", oneLine(phone.soc))
            put("android", oneLine(phone.android))
            put("sdk", phone.sdk)
            put("abi", oneLine(phone.abi))
            put("cores", phone.cores)
            if (phone.maxFrequenciesKhz.isNotEmpty()) {
                putJsonArray("max_frequencies_khz") {
                    phone.maxFrequenciesKhz.forEach { add(it) }
                }
            }
            putJsonObject("versions") {
                phone.versions.forEach { (name, version) -> put(name, oneLine(version)) }
            }
        }

    fun read(fields: JsonFields): Phone {
        if (fields.text("kind") != "phone") fields.fail("kind", "phone")
        val versions = fields.fields("versions")
        return Phone(
            manufacturer = fields.text("manufacturer"),
            model = fields.text("model"),
            soc = fields.text("soc"),
            android = fields.text("android"),
            sdk = fields.int("sdk", 0, 10_000) ?: fields.fail("sdk", "there"),
            abi = fields.text("abi"),
            cores = fields.int("cores", 0, 1024) ?: fields.fail("cores", "there"),
            maxFrequenciesKhz =
                fields.wholes("max_frequencies_khz", 0, Int.MAX_VALUE).map { it.toLong() },
            versions = fields.json("versions").keys.associateWith { versions.text(it) },
        )
    }
}
