package org.kerasmobilevit.benchmark.ui

import android.net.Uri
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.engine.BundledModels
import org.kerasmobilevit.benchmark.ui.models.FileTooLargeException
import org.kerasmobilevit.benchmark.ui.models.ModelLibrary
import org.kerasmobilevit.benchmark.ui.models.ModelSource
import org.robolectric.Shadows.shadowOf
import java.io.ByteArrayInputStream
import java.io.File
import java.io.InputStream

class ModelLibraryTest : ScreenTest() {
    private val pushed get() = File(context.cacheDir, "pushed").apply { mkdirs() }
    private val library get() = ModelLibrary(context, pushed)
    private val opened get() = File(context.filesDir, "models")

    private fun give(
        name: String,
        stream: () -> InputStream,
    ): Uri {
        val uri =
            Uri
                .Builder()
                .scheme("content")
                .authority("files")
                .appendPath(name)
                .build()
        shadowOf(context.contentResolver).registerInputStreamSupplier(uri, stream)
        return uri
    }

    @Test
    fun `it finds bundled, opened and pushed models`() {
        val model = BundledModels.files(context).last()
        model.copyTo(File(pushed, "pushed.tflite"))
        File(pushed, "notes.txt").writeText("no model")
        library.copy(give("opened.tflite") { model.inputStream() })
        val entries = library.list()
        assertEquals(
            listOf(
                ModelSource.BUNDLED,
                ModelSource.BUNDLED,
                ModelSource.OPENED,
                ModelSource.PUSHED,
            ),
            entries.map { it.source },
        )
        assertTrue(entries.all { it.model != null })
    }

    @Test
    fun `what is no model has a reason`() {
        File(pushed, "letter.tflite").writeText("a letter")
        val entry = library.list().last()
        assertNull(entry.model)
        assertTrue(entry.problem!!.message.isNotBlank())
        assertTrue(entry.problem!!.advice.isNotBlank())
    }

    @Test
    fun `names of others cannot leave the folder`() {
        for (name in listOf("../../evil.tflite", "..", "/", "a\u0000b", "x".repeat(1000), "")) {
            val file = library.copy(give(name) { ByteArrayInputStream(ByteArray(3)) })
            assertEquals(opened.canonicalPath, file.canonicalFile.parent)
            assertEquals("tflite", file.extension)
        }
    }

    @Test
    fun `the same name twice gives two files`() {
        val names =
            (1..3).map {
                library.copy(give("m.tflite") { ByteArrayInputStream(ByteArray(it)) }).name
            }
        assertEquals(listOf("m.tflite", "m-2.tflite", "m-3.tflite"), names)
    }

    @Test
    fun `a file without an end is given up`() {
        val endless =
            object : InputStream() {
                override fun read(): Int = 0

                override fun read(
                    buffer: ByteArray,
                    offset: Int,
                    length: Int,
                ): Int = length
            }
        val small = ModelLibrary(context, pushed, mostBytes = 1_000_000)
        assertThrows(FileTooLargeException::class.java) {
            small.copy(give("endless.tflite") { endless })
        }
        assertEquals(0, opened.list()!!.size)
    }

    @Test
    fun `only opened files can be deleted`() {
        val bundled = library.list().first()
        library.delete(bundled)
        assertTrue(bundled.file.exists())
    }
}
