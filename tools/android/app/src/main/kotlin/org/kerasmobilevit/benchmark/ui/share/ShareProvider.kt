package org.kerasmobilevit.benchmark.ui.share

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException

/**
 * Gives other apps single files: those that results are shared in, and the one that the camera
 * writes. It is not exported: an app sees a file only after an intent has granted it.
 */
class ShareProvider : ContentProvider() {
    override fun onCreate() = true

    override fun openFile(
        uri: Uri,
        mode: String,
    ): ParcelFileDescriptor {
        val file = find(uri)
        val writes = mode != "r"
        if (writes && file.name != CAMERA_FILE) throw FileNotFoundException("$uri is read-only")
        return ParcelFileDescriptor.open(file, ParcelFileDescriptor.parseMode(mode))
    }

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        selectionArgs: Array<String>?,
        sortOrder: String?,
    ): Cursor {
        val file = find(uri)
        val known =
            mapOf<String, Any>(
                OpenableColumns.DISPLAY_NAME to file.name,
                OpenableColumns.SIZE to file.length(),
            )
        val columns = (projection ?: known.keys.toTypedArray()).filter { it in known }
        return MatrixCursor(columns.toTypedArray(), 1).apply {
            addRow(columns.map { known[it] })
        }
    }

    override fun getType(uri: Uri): String =
        when (uri.lastPathSegment?.substringAfterLast('.')) {
            "json" -> "application/json"
            "csv" -> "text/csv"
            "jpg" -> "image/jpeg"
            else -> "application/octet-stream"
        }

    override fun insert(
        uri: Uri,
        values: ContentValues?,
    ): Uri? = null

    override fun update(
        uri: Uri,
        values: ContentValues?,
        selection: String?,
        selectionArgs: Array<String>?,
    ) = 0

    override fun delete(
        uri: Uri,
        selection: String?,
        selectionArgs: Array<String>?,
    ) = 0

    /** A file of the folder, and none beside it. */
    private fun find(uri: Uri): File {
        val context = context ?: throw FileNotFoundException(uri.toString())
        val name = uri.pathSegments.singleOrNull()
        val file = folder(context).listFiles().orEmpty().find { it.name == name }
        return file ?: throw FileNotFoundException(uri.toString())
    }

    companion object {
        const val AUTHORITY = "org.kerasmobilevit.benchmark.share"
        const val CAMERA_FILE = "photo.jpg"

        /** Where the files lie that it gives. Android may empty it. */
        fun folder(context: Context): File = File(context.cacheDir, "share").apply { mkdirs() }

        fun uri(file: File): Uri =
            Uri
                .Builder()
                .scheme("content")
                .authority(AUTHORITY)
                .appendPath(file.name)
                .build()
    }
}
