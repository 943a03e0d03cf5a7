package org.kerasmobilevit.benchmark.ui.result

import android.content.Context
import kotlinx.serialization.SerializationException
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.Results
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.Phone
import org.kerasmobilevit.core.ResultDocument
import java.io.File
import java.io.IOException
import java.util.Date

/**
 * A result that was saved.
 *
 * @property document what is in the file; null if it is damaged.
 * @property problem what is wrong with it.
 */
class StoredResult(
    val file: File,
    val document: ResultDocument?,
    val problem: String? = null,
) {
    val id: String get() = file.nameWithoutExtension
    val date: Date get() = Date(file.lastModified())

    /** The app writes one into each file. */
    val result: BenchmarkResult? get() = document?.results?.first()
    val phone: Phone? get() = document?.phone
}

/** The results on this phone, and which of them is pinned for comparison. */
class ResultStore(
    private val context: Context,
) {
    private val settings = context.getSharedPreferences("results", Context.MODE_PRIVATE)

    /** Name of the pinned result, which may have been deleted. */
    var pinnedId: String?
        get() = settings.getString(PINNED, null)
        set(value) = settings.edit().putString(PINNED, value).apply()

    /** All results, the newest first. */
    fun list(): List<StoredResult> = Results(context).files().map(::read)

    /** Reads one file, whatever is in it. */
    fun read(file: File): StoredResult =
        try {
            val document = ResultDocument.parse(file.readText())
            require(document.results.isNotEmpty()) { "Expected a result. Received: none" }
            StoredResult(file, document)
        } catch (e: IOException) {
            StoredResult(file, null, e.message)
        } catch (e: IllegalArgumentException) {
            // What the parser says is for programmers.
            val isJson = e.cause !is SerializationException
            val other = context.getString(R.string.result_no_json)
            StoredResult(file, null, if (isJson) e.message else other)
        }

    /** The pinned result; null if there is none. */
    fun pinned(): StoredResult? {
        val id = pinnedId ?: return null
        val file = Results(context).files().find { it.nameWithoutExtension == id }
        return file?.let(::read)?.takeIf { it.result != null }
    }

    fun delete(stored: StoredResult) {
        stored.file.delete()
        if (pinnedId == stored.id) pinnedId = null
    }

    private companion object {
        const val PINNED = "pinned"
    }
}
