package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import java.math.BigInteger
import kotlin.math.abs

/**
 * The values of a JSON object, each checked when it is read.
 *
 * A missing key has its default value. All functions throw [IllegalArgumentException], with the key
 * in its message, if a value is of another type or out of its range.
 *
 * @param prefix in front of keys in messages, such as `image.`.
 */
internal class JsonFields(
    private val json: JsonObject,
    private val prefix: String = "",
) {
    fun text(
        key: String,
        default: String = "",
    ): String = optionalText(key) ?: if (key !in json) default else fail(key, TEXT)

    private fun optionalText(key: String): String? =
        json[key]?.let {
            (it as? JsonPrimitive)?.takeIf { it.isString }?.content?.takeIf(
                ::isShort,
            )
        }

    fun texts(
        key: String,
        most: Int,
    ): List<String> {
        val expected = "a list of at most $most texts"
        val items = list(key, expected) ?: return emptyList()
        if (items.size > most) fail(key, expected)
        return items.map {
            val item = it as? JsonPrimitive
            if (item == null || !item.isString || !isShort(item.content)) fail(key, expected)
            item.content
        }
    }

    /** A text that is the key of an entry; null if it is missing, or null where that is allowed. */
    fun <E : Any> choice(
        key: String,
        entries: List<E>,
        keyOf: (E) -> String,
        nullable: Boolean = false,
    ): E? {
        if (key !in json || (nullable && json[key] is JsonNull)) return null
        return entries.find { keyOf(it) == optionalText(key) }
            ?: fail(key, "one of ${entries.map(keyOf)}" + if (nullable) ", or null" else "")
    }

    fun flag(
        key: String,
        default: Boolean,
    ): Boolean {
        val value = literal(key, false) ?: return default
        return value.toBooleanStrictOrNull() ?: fail(key, "true or false")
    }

    fun optionalFlag(key: String): Boolean? = if (isNull(key)) null else flag(key, false)

    /** A whole number, written without a fraction. */
    fun bigWhole(
        key: String,
        least: BigInteger,
        most: BigInteger,
        nullable: Boolean = false,
    ): BigInteger? {
        val value = literal(key, nullable) ?: return null
        val expected = "a whole number from $least to $most" + if (nullable) ", or null" else ""
        if (value.length > MAX_DIGITS) fail(key, expected)
        return value.toBigIntegerOrNull()?.takeIf { it in least..most } ?: fail(key, expected)
    }

    fun whole(
        key: String,
        least: Long,
        most: Long,
        nullable: Boolean = false,
    ): Long? = bigWhole(key, least.toBigInteger(), most.toBigInteger(), nullable)?.toLong()

    fun int(
        key: String,
        least: Int,
        most: Int,
        nullable: Boolean = false,
    ): Int? = whole(key, least.toLong(), most.toLong(), nullable)?.toInt()

    fun number(
        key: String,
        expected: String = "a finite number",
        nullable: Boolean = false,
        accepts: (Double) -> Boolean = { true },
    ): Double? = literal(key, nullable)?.let { asNumber(it, accepts) ?: fail(key, expected) }

    /** A number, or a list of at most `most` of them. */
    fun numbers(
        key: String,
        most: Int,
        expected: String = "finite numbers",
        accepts: (Double) -> Boolean = { true },
    ): List<Double>? {
        val value = json[key] ?: return null
        val items = value as? JsonArray ?: listOf(value)
        if (items.size !in 1..most) fail(key, expected)
        return items.map {
            val literal = it as? JsonPrimitive
            if (literal == null || literal.isString) fail(key, expected)
            asNumber(literal.content, accepts) ?: fail(key, expected)
        }
    }

    /** A list of at most `most` numbers; empty if it is missing. */
    fun numberList(
        key: String,
        most: Int,
    ): List<Double> = if (items(key).isEmpty()) emptyList() else numbers(key, most).orEmpty()

    fun items(key: String): List<JsonElement> = list(key, "a list").orEmpty()

    /** Objects of a list. */
    fun objects(key: String): List<JsonFields> =
        items(key).mapIndexed { index, item ->
            JsonFields(
                item as? JsonObject ?: fail(key, "a list of objects"),
                "$prefix$key[$index].",
            )
        }

    /** Lists of numbers, each of a size. */
    fun lists(
        key: String,
        size: Int,
    ): List<List<Double>> {
        val items = JsonObject(items(key).withIndex().associate { "${it.index}" to it.value })
        val fields = JsonFields(items, "$prefix$key.")
        return items.keys.map {
            val numbers = fields.numbers(it, size).orEmpty()
            if (numbers.size != size) fields.fail(it, "$size numbers")
            numbers
        }
    }

    fun wholes(
        key: String,
        least: Int,
        most: Int,
    ): List<Int> =
        items(key).map {
            val value = (it as? JsonPrimitive)?.takeIf { !it.isString }?.content?.toIntOrNull()
            value?.takeIf { it in least..most }
                ?: fail(key, "a list of whole numbers from $least to $most")
        }

    fun json(key: String): JsonObject {
        val value = json[key] ?: return JsonObject(emptyMap())
        return value as? JsonObject ?: fail(key, "a JSON object")
    }

    fun fields(key: String) = JsonFields(json(key), "$prefix$key.")

    /** Fields of an object that may be missing or null. */
    fun optionalFields(key: String): JsonFields? = if (isNull(key)) null else fields(key)

    operator fun contains(key: String): Boolean = key in json

    fun isNull(key: String): Boolean = json[key].let { it == null || it is JsonNull }

    fun fail(
        key: String,
        expected: String,
    ): Nothing =
        throw IllegalArgumentException(
            "`$prefix$key` must be $expected. Received: ${json[key]?.abbreviated() ?: "nothing"}",
        )

    private fun list(
        key: String,
        expected: String,
    ): JsonArray? = json[key]?.let { it as? JsonArray ?: fail(key, expected) }

    /** What stands there, if anything does; a text in quotes is no literal. */
    private fun literal(
        key: String,
        nullable: Boolean,
    ): String? {
        val value = json[key] ?: return null
        if (nullable && value is JsonNull) return null
        return (value as? JsonPrimitive)?.takeIf { !it.isString }?.content ?: ""
    }

    private fun asNumber(
        literal: String,
        accepts: (Double) -> Boolean,
    ): Double? = literal.toDoubleOrNull()?.takeIf { abs(it) <= LARGEST && accepts(it) }

    private fun isShort(text: String) = text.length <= MAX_TEXT

    private companion object {
        const val MAX_TEXT = 10_000
        const val MAX_DIGITS = 30
        const val LARGEST = 1e30
        const val TEXT = "a text of at most 10,000 characters"
    }
}
