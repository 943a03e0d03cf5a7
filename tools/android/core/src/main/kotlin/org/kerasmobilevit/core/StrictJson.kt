package org.kerasmobilevit.core

import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/**
 * Reads untrusted JSON: nested not too deeply, and without the words and numbers outside of JSON
 * that kotlinx.serialization lets pass.
 */
internal object StrictJson {
    private const val MAX_DEPTH = 64
    private val NUMBER = Regex("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")

    /** @throws IllegalArgumentException if it is no JSON object. */
    fun parseObject(text: String): JsonObject {
        checkDepth(text)
        val json =
            try {
                Json.parseToJsonElement(text)
            } catch (error: SerializationException) {
                // The whole text stands in the message.
                val reason =
                    error.message
                        .orEmpty()
                        .lineSequence()
                        .first()
                        .take(200)
                throw IllegalArgumentException("The JSON cannot be read: $reason", error)
            }
        checkLiterals(json)
        require(json is JsonObject) { "Expected a JSON object. Received: ${json.abbreviated()}" }
        return json
    }

    private fun checkDepth(text: String) {
        var depth = 0
        var inText = false
        var escaped = false
        for (character in text) {
            when {
                escaped -> escaped = false
                inText && character == '\\' -> escaped = true
                character == '"' -> inText = !inText
                inText -> Unit
                character == '{' || character == '[' -> depth++
                character == '}' || character == ']' -> depth--
            }
            require(depth <= MAX_DEPTH) { "The JSON is nested too deeply." }
        }
    }

    private fun checkLiterals(json: JsonElement) {
        when (json) {
            is JsonObject -> {
                json.values.forEach(::checkLiterals)
            }

            is JsonArray -> {
                json.forEach(::checkLiterals)
            }

            is JsonNull -> {
                Unit
            }

            is JsonPrimitive -> {
                val word = json.content
                require(json.isString || word in WORDS || NUMBER.matches(word)) {
                    "JSON has no ${json.abbreviated()}."
                }
            }
        }
    }

    private val WORDS = setOf("true", "false")
}

/** The beginning of a value, for messages. */
internal fun JsonElement.abbreviated(): String {
    val text = if (this is JsonArray && size > 20) "a list of $size" else toString()
    return if (text.length > 100) text.take(100) + "..." else text
}
