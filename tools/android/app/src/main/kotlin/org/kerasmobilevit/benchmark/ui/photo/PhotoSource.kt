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

    /**
     * Takes what the camera wrote.
     *
     * @return whether it wrote anything.
     */
    fun takeShot(): Boolean = shot.length() > 0 && shot.renameTo(picture)

    /**
     * Takes what the picker gave.
     *
     * @throws IOException if it cannot be read, is far too large, or there is no space.
     */
    fun take(uri: Uri) {
        val stream =
            context.contentResolver.openInputStream(uri)
                ?: throw FileNotFoundException(uri.toString())
        val part = File(picture.path + ".part")
        try {
            stream.use { copy(it, part) }
            if (!part.renameTo(picture)) throw IOException("${part.name} cannot be renamed")
        } finally {
            part.delete()
        }
    }

    /**
     * The photo, upright and small enough for the screen.
     *
     * @throws FailureException if it is no photo.
     */
    fun preview(): Bitmap {
        val photo = Photos.decode(picture)
        val scale = MOST_SIDE / maxOf(photo.width, photo.height).toFloat()
        if (scale >= 1) return photo
        val width = maxOf(1, (photo.width * scale).toInt())
        val height = maxOf(1, (photo.height * scale).toInt())
        return Bitmap.createScaledBitmap(photo, width, height, true)
    }

    private fun copy(
        from: InputStream,
        part: File,
    ) = part.outputStream().use { to ->
        val buffer = ByteArray(1 shl 16)
        var total = 0L
        while (true) {
            val count = from.read(buffer)
            if (count < 0) break
            total += count
            if (total > MAX_BYTES) throw IOException("Expected at most $MAX_BYTES bytes.")
            to.write(buffer, 0, count)
        }
    }

    private companion object {
        const val MAX_BYTES = 100_000_000L

        /** Of the picture on the screen, in pixels. */
        const val MOST_SIDE = 1600
    }
}
