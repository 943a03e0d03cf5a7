package org.kerasmobilevit.benchmark.ui.models

import android.content.Context
import android.net.Uri
import android.provider.OpenableColumns
import org.kerasmobilevit.benchmark.engine.BundledModels
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.io.OutputStream

/**
 * The models on this phone: bundled with the app, opened by the user, pushed by adb.
 *
 * @property pushed folder that `adb push` can write and apps can read.
 * @property mostBytes size of the largest file that is copied.
 */
class ModelLibrary(
    private val context: Context,
    private val pushed: File = File(PUSHED_FOLDER),
    private val mostBytes: Long = MOST_BYTES,
) {
    private val opened = File(context.filesDir, "models")

    /** All models, with their files read. Takes a while. */
    fun list(): List<ModelEntry> =
        BundledModels.files(context).map { ModelEntry.read(it, ModelSource.BUNDLED) } +
            filesIn(opened).map { ModelEntry.read(it, ModelSource.OPENED) } +
            filesIn(pushed).map { ModelEntry.read(it, ModelSource.PUSHED) }

    /**
     * Copies what the picker gave into the app.
     *
     * @throws FileTooLargeException if no model is that large.
     * @throws IOException if it cannot be read, or there is no space.
     */
    fun copy(uri: Uri): File {
        opened.mkdirs()
        val file = unused(safeName(nameOf(uri)))
        val stream =
            context.contentResolver.openInputStream(uri)
                ?: throw FileNotFoundException(uri.toString())
        write(file, stream)
        return file
    }

    /** Name of what the picker gave, for messages. */
    fun nameOf(uri: Uri): String {
        val columns = arrayOf(OpenableColumns.DISPLAY_NAME)
        val name =
            try {
                context.contentResolver.query(uri, columns, null, null, null)?.use {
                    if (it.moveToFirst()) it.getString(0) else null
                }
            } catch (_: RuntimeException) {
                // Providers are programs of others.
                null
            }
        return name ?: uri.lastPathSegment ?: "model"
    }

    /** Deletes a file that was opened; others are not ours to delete. */
    fun delete(entry: ModelEntry) {
        if (entry.source == ModelSource.OPENED) entry.file.delete()
    }

    private fun filesIn(folder: File): List<File> =
        folder
            .listFiles { file -> file.isFile && file.name.endsWith(SUFFIX) }
            .orEmpty()
            .sortedBy { it.name.lowercase() }

    private fun unused(name: String): File {
        val stem = name.removeSuffix(SUFFIX)
        return generateSequence(1) { it + 1 }
            .map { if (it == 1) "$stem$SUFFIX" else "$stem-$it$SUFFIX" }
            .map { File(opened, it) }
            .first { !it.exists() }
    }

    /** Never leaves a part of a file under its name. */
    private fun write(
        file: File,
        stream: InputStream,
    ) {
        val part = File(file.path + ".part")
        try {
            stream.use { from -> part.outputStream().use { copyBounded(from, it) } }
            if (!part.renameTo(file)) throw IOException("${part.name} cannot be renamed")
        } finally {
            part.delete()
        }
    }

    private fun copyBounded(
        from: InputStream,
        to: OutputStream,
    ) {
        val buffer = ByteArray(1 shl 16)
        var total = 0L
        while (true) {
            val count = from.read(buffer)
            if (count < 0) return
            total += count
            if (total > mostBytes) throw FileTooLargeException(total, mostBytes)
            to.write(buffer, 0, count)
        }
    }

    companion object {
        const val PUSHED_FOLDER = "/data/local/tmp/keras_mobilevit"

        /** Far more than any model of ours. */
        const val MOST_BYTES = 512L * 1024 * 1024
        private const val SUFFIX = ".tflite"

        /** The last part of a name, with nothing that a file system could mind. */
        internal fun safeName(name: String): String =
            name
                .substringAfterLast('/')
                .replace(Regex("[^\\p{L}\\p{N}._ -]"), "_")
                .trimStart('.')
                .removeSuffix(SUFFIX)
                .take(100)
                .ifBlank { "model" } + SUFFIX
    }
}

/** The file has more bytes than a model may. */
class FileTooLargeException(
    val bytes: Long,
    val limit: Long,
) : IOException("Expected at most $limit bytes. Received: more than ${bytes - 1}")
