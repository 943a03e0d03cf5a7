package org.kerasmobilevit.core

import kotlinx.serialization.json.jsonObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import java.security.MessageDigest

class ModelFileTest {
    @Test
    fun filesAreReadAsInPython() {
        for (name in GoldenModel.NAMES) {
            val golden = GoldenModel(name)
            val model = golden.model
            val isOld = name.startsWith("v1_")
            assertInfoEquals(
                golden.info,
                model.info,
                // Names of fields that were renamed since stay what they are.
                withRecipeFields = !isOld,
            )
            assertEquals(golden.facts.text("signature"), model.signature)
            val input = golden.facts.getValue("input").jsonObject
            assertEquals(tensorSpec(input, input.ints("shape"), model.input.name), model.input)
            assertEquals(listOf(model.input), model.inputs)
            assertEquals(
                golden.facts.objects("outputs").map {
                    tensorSpec(it, it.ints("shape"), it.text("name"))
                },
                model.outputs,
            )
            val bytes = golden.file.readBytes()
            val digest = MessageDigest.getInstance("SHA-256").digest(bytes)
            assertEquals(digest.joinToString("") { "%02x".format(it) }, model.sha256)
            assertEquals(bytes.size.toLong(), model.sizeBytes)
        }
    }

    @Test
    fun refusalsSayWhatToDo() {
        val advice =
            mapOf(
                "empty" to "Choose a .tflite file",
                "text" to "Choose a .tflite file",
                "picture" to "Choose a .tflite file",
                "no_graph" to "Choose a .tflite file",
                "foreign" to "Export the model with keras_mobilevit",
                "cut" to "Copy or export the file again",
                "cut_archive" to "its end is missing",
                "other_description" to "Copy or export the file again",
                "newer" to "may be damaged",
            )
        val files = Fixtures.file("models/refused").listFiles()!!
        assertEquals(advice.keys, files.map { it.nameWithoutExtension }.toSet())
        for (file in files) {
            val error = refusal(file)
            val expected = advice.getValue(file.nameWithoutExtension)
            assertTrue("$file: ${error.advice}", expected in error.advice)
            val isDamaged = file.nameWithoutExtension in setOf("cut", "other_description", "newer")
            assertEquals(
                "$file",
                if (isDamaged) ModelFileProblem.DAMAGED else ModelFileProblem.NOT_OURS,
                error.problem,
            )
        }
        val missing = refusal(File("no such file"))
        assertTrue("cannot be read" in missing.message!!)
        assertEquals(ModelFileProblem.UNREADABLE, missing.problem)
        assertTrue("cannot be read" in refusal(Fixtures.file("models")).message!!)
    }

    private fun refusal(file: File): ModelFileException =
        assertThrows("$file", ModelFileException::class.java) { ModelFile.read(file) }
}
