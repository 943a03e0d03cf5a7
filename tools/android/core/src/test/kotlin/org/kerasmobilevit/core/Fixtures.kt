package org.kerasmobilevit.core

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import java.io.File

/** What `make_golden_values.py` wrote: tests fail without it. */
object Fixtures {
    private val folder =
        File(
            checkNotNull(System.getProperty("golden.values")) { "-Dgolden.values=DIR is missing" },
        )

    fun file(path: String): File =
        folder.resolve(path).also {
            check(it.exists()) { "make_golden_values.py must write $it: run host_build.py" }
        }

    fun bytes(path: String): ByteArray = file(path).readBytes()

    fun json(path: String): JsonElement = Json.parseToJsonElement(file(path).readText())

    fun cases(path: String): List<JsonObject> = json(path).jsonArray.map { it.jsonObject }

    /** Values of a tensor, as the runtime gives them. */
    fun tensor(
        path: String,
        dtype: DType,
    ): TensorData {
        val buffer = bytes(path).littleEndian()
        val count = buffer.capacity() / dtype.bytes
        return when (dtype) {
            DType.FLOAT32 -> TensorData.Floats(FloatArray(count) { buffer.getFloat() })
            DType.INT8, DType.UINT8 -> TensorData.Bytes(buffer.array())
            DType.INT16 -> TensorData.Ints(IntArray(count) { buffer.getShort().toInt() })
            DType.INT32 -> TensorData.Ints(IntArray(count) { buffer.getInt() })
            DType.INT64 -> TensorData.Longs(LongArray(count) { buffer.getLong() })
            DType.BOOL -> TensorData.Booleans(BooleanArray(count) { buffer.get() != 0.toByte() })
        }
    }
}

fun JsonObject.text(key: String) = getValue(key).jsonPrimitive.content

fun JsonObject.int(key: String) = getValue(key).jsonPrimitive.int

fun JsonObject.double(key: String) = getValue(key).jsonPrimitive.double

fun JsonObject.flag(key: String) = getValue(key).jsonPrimitive.boolean

fun JsonObject.objects(key: String) = getValue(key).jsonArray.map { it.jsonObject }

fun JsonObject.texts(key: String) = getValue(key).jsonArray.map { it.jsonPrimitive.content }

fun JsonObject.ints(key: String) = getValue(key).jsonArray.map { it.jsonPrimitive.int }

fun JsonObject.doubles(key: String) = getValue(key).jsonArray.map { it.jsonPrimitive.double }

/** A number, or several. */
fun JsonElement.numbers(): List<Double> =
    if (this is JsonArray) map { it.jsonPrimitive.double } else listOf(jsonPrimitive.double)

/** Content of a text or number; null of null. */
fun JsonElement?.orNull(): String? = (this as? JsonPrimitive)?.takeIf { it !is JsonNull }?.content

fun dtype(key: String): DType = DType.entries.first { it.key == key }

/** The `image` of a description, as Python writes it. */
fun imageSpec(image: JsonObject): ImageSpec =
    ModelInfo
        .fromJson(
            JsonObject(mapOf("schema_version" to JsonPrimitive(2), "image" to image)).toString(),
        ).image

fun tensorSpec(
    case: JsonObject,
    shape: List<Int>,
    name: String = "tensor",
) = TensorSpec(
    name,
    dtype(case.text("dtype")),
    shape,
    case["scale"].orNull()?.toFloat()?.takeIf { it > 0 },
    case.int("zero_point"),
)
