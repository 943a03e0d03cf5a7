package org.kerasmobilevit.benchmark.ui.photo

import android.content.Context
import android.graphics.Bitmap
import android.net.Uri
import org.kerasmobilevit.benchmark.engine.FailureException
import org.kerasmobilevit.benchmark.engine.Photos
import org.kerasmobilevit.benchmark.ui.share.ShareProvider
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.util.UUID

/** The photo of the screen, in a file of the app that goes away with the cache. */
class PhotoSource(
    private val context: Context,
) {
    /** The photo, if there is one. */
    val picture = File(context.cacheDir, "picture")

    private val shot = File(ShareProvider.folder(context), ShareProvider.CAMERA_FILE)

    /** Where a camera app writes. */
    fun prepareShot(): Uri {
        shot.delete()
        if (!shot.createNewFile()) throw IOException("${shot.name} cannot be created")
        return ShareProvider.uri(shot)
    }

    /** Whether the camera wrote anything. */
    val hasShot: Boolean get() = shot.length() > 0

    /** A file for the next photo until [keep]; those that were not kept are gone. */
    fun next(): File {
        val left = context.cacheDir.listFiles { file -> file.name.startsWith(NEXT) }.orEmpty()
        left.forEach(File::delete)
        return File(context.cacheDir, NEXT + UUID.randomUUID())
    }

    /**
     * Takes what the camera wrote.
     *
     * @throws IOException if it cannot be moved.
     */
    fun takeShot(to: File) = move(shot, to)

    /**
     * Takes what the picker gave.
     *
     * @throws IOException if it cannot be read, is far too large, or there is no space.
     */
    fun take(
        uri: Uri,
        to: File,
    ) {
        val stream =
            context.contentResolver.openInputStream(uri)
                ?: throw FileNotFoundException(uri.toString())
        stream.use { copy(it, to) }
    }

    /**
     * Makes it the photo of the screen.
     *
     * @throws IOException if it cannot be moved.
     */
    fun keep(file: File) {
        if (file != picture) move(file, picture)
    }

    /** Forgets a file that is not kept. */
    fun drop(file: File) {
        if (file != picture) file.delete()
    }

    private fun move(
        from: File,
        to: File,
    ) {
        if (!from.renameTo(to)) throw IOException("${from.name} cannot be renamed")
    }

    /**
     * The photo in a file, upright and small enough for the screen.
     *
     * @throws FailureException if it is no photo.
     */
    fun preview(file: File): Bitmap {
        val photo = Photos.decode(file, MOST_PIXELS)
        val scale = MOST_SIDE / maxOf(photo.width, photo.height).toFloat()
        if (scale >= 1) return photo
        val width = maxOf(1, (photo.width * scale).toInt())
        val height = maxOf(1, (photo.height * scale).toInt())
        return Bitmap.createScaledBitmap(photo, width, height, true)
    }

    private fun copy(
        from: InputStream,
        to: File,
    ) = to.outputStream().use { stream ->
        val buffer = ByteArray(1 shl 16)
        var total = 0L
        while (true) {
            val count = from.read(buffer)
            if (count < 0) break
            total += count
            if (total > MAX_BYTES) throw IOException("Expected at most $MAX_BYTES bytes.")
            stream.write(buffer, 0, count)
        }
    }

    private companion object {
        const val NEXT = "picture-"
        const val MAX_BYTES = 100_000_000L

        /** Of the picture on the screen, in pixels. */
        const val MOST_SIDE = 1600

        /** What is decoded for it, before it is made smaller. */
        const val MOST_PIXELS = 4_000_000
    }
}
