package org.kerasmobilevit.benchmark.engine

import android.graphics.Bitmap
import java.io.File

/** Pictures as cameras and other apps give them. */
object Photos {
    /** More pixels than these are reduced by a power of two when decoded. */
    const val MOST_PIXELS = 16_000_000

    /**
     * Decodes a picture, upright as its EXIF orientation says.
     *
     * @throws FailureException if it is missing, or no picture.
     */
    fun decode(file: File): Bitmap = TODO()
}
