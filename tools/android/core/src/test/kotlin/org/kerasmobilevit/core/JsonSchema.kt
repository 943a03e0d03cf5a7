package org.kerasmobilevit.core

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** As much of JSON Schema as the published schema of results uses; other keywords are errors. */
class JsonSchema(
    private val root: JsonObject,
) {
    /** Places in the document that are not as the schema wants them. */
    fun problems(document: JsonElement): List<String> = check(document, root, "")

    private fun check(
        value: JsonElement,
        schema: JsonObject,
        place: String,
    ): List<String> =
        schema.flatMap { (keyword, rule) -> checkKeyword(value, keyword, rule, schema, place) }

    private fun checkKeyword(
        value: JsonElement,
        keyword: String,
        rule: JsonElement,
        schema: JsonObject,
        place: String,
    ): List<String> {
        fun unless(isRight: Boolean) =
            if (isRight) emptyList() else listOf("$place: $keyword $rule, is $value")
        val members = value as? JsonObject ?: JsonObject(emptyMap())
        val items = (value as? JsonArray).orEmpty()
        val text = (value as? JsonPrimitive)?.takeIf { it.isString }?.content
        val number = (value as? JsonPrimitive)?.takeIf { !it.isString }?.content?.toDoubleOrNull()
        return when (keyword) {
            "\$schema", "\$id", "\$defs", "title", "description", "then", "else" -> {
                emptyList()
            }

            "\$ref" -> {
                val name = rule.jsonPrimitive.content.removePrefix("#/\$defs/")
                check(
                    value,
                    root
                        .getValue("\$defs")
                        .jsonObject
                        .getValue(name)
                        .jsonObject,
                    place,
                )
            }

            "type" -> {
                val types =
                    if (rule is JsonArray) {
                        rule.map { it.orNull() }
                    } else {
                        listOf(
                            rule.orNull(),
                        )
                    }
                unless(types.any { typeOf(value) == it || (it == "number" && number != null) })
            }

            "const" -> {
                unless(value == rule)
            }

            "enum" -> {
                unless(value in rule.jsonArray)
            }

            "required" -> {
                unless(value !is JsonObject || rule.jsonArray.all { it.orNull() in members })
            }

            "properties" -> {
                rule.jsonObject.flatMap { (name, property) ->
                    members[name]?.let { check(it, property.jsonObject, "$place.$name") }.orEmpty()
                }
            }

            "additionalProperties" -> {
                val known = schema["properties"]?.jsonObject?.keys.orEmpty()
                (members - known).flatMap { (name, member) ->
                    check(member, rule.jsonObject, "$place.$name")
                }
            }

            "items" -> {
                items.flatMapIndexed { index, item ->
                    check(item, rule.jsonObject, "$place[$index]")
                }
            }

            "if" -> {
                val branch = if (check(value, rule.jsonObject, "").isEmpty()) "then" else "else"
                schema[branch]?.let { check(value, it.jsonObject, place) }.orEmpty()
            }

            "minItems" -> {
                unless(value !is JsonArray || items.size >= rule.jsonPrimitive.content.toInt())
            }

            "maxItems" -> {
                unless(items.size <= rule.jsonPrimitive.content.toInt())
            }

            "maxProperties" -> {
                unless(members.size <= rule.jsonPrimitive.content.toInt())
            }

            "maxLength" -> {
                unless(text.orEmpty().length <= rule.jsonPrimitive.content.toInt())
            }

            "pattern" -> {
                unless(text == null || Regex(rule.jsonPrimitive.content) in text)
            }

            "minimum" -> {
                unless(number == null || number >= rule.jsonPrimitive.content.toDouble())
            }

            "maximum" -> {
                unless(number == null || number <= rule.jsonPrimitive.content.toDouble())
            }

            else -> {
                throw AssertionError("Unknown keyword of JSON Schema: $keyword")
            }
        }
    }

    private fun typeOf(value: JsonElement): String =
        when (value) {
            is JsonObject -> {
                "object"
            }

            is JsonArray -> {
                "array"
            }

            is JsonNull -> {
                "null"
            }

            is JsonPrimitive -> {
                when {
                    value.isString -> "string"
                    value.content in setOf("true", "false") -> "boolean"
                    value.content.toBigIntegerOrNull() != null -> "integer"
                    else -> "number"
                }
            }
        }
}
