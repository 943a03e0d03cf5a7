package org.kerasmobilevit.benchmark.engine

import android.content.Context
import org.kerasmobilevit.core.ResultDocument
import java.io.File
import java.io.IOException
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone
import java.util.UUID

/** The history: a folder with one document for each run. */
class Results(
    private val folder: File,
) {
    constructor(context: Context) : this(File(context.filesDir, "results"))

    /**
     * Writes a document, wholly or not at all.
     *
     * @return its file, whose name begins with the time.
     * @throws FailureException if it cannot be written.
     */
    fun write(document: ResultDocument): File {
        val stamp =
            SimpleDateFormat("yyyyMMdd-HHmmss-SSS", Locale.ROOT)
                .apply { timeZone = TimeZone.getTimeZone("UTC") }
                .format(Date())
        val id = "$stamp-${UUID.randomUUID().toString().take(ID_LENGTH)}"
        val file = File(folder, "$id.json")
        val unfinished = File(folder, "$id.part")
        try {
            folder.mkdirs()
            // Of runs whose process ended just then: only one writes at a time.
            folder.listFiles { it -> it.extension == "part" }.orEmpty().forEach { it.delete() }
            unfinished.outputStream().use { stream ->
                stream.write(document.toText().toByteArray())
                stream.fd.sync()
            }
            if (!unfinished.renameTo(file)) throw IOException("$file cannot be written.")
        } catch (error: IOException) {
            unfinished.delete()
            throw FailureException(Failures.of(error), error)
        }
        return file
    }

    /** Files of all runs, the newest first. */
    fun files(): List<File> =
        folder
            .listFiles { file -> file.extension == "json" }
            .orEmpty()
            .sortedByDescending { it.name }

    private companion object {
        const val ID_LENGTH = 8
    }
}
