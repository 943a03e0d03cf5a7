package org.kerasmobilevit.benchmark.engine

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import org.kerasmobilevit.core.RgbImage
import java.io.File
import java.io.IOException

/** Pictures as cameras and other apps give them. */
object Photos {
    /** As many as a model needs, of a picture that is cropped much. */
    const val MOST_PIXELS = 16_000_000

    /**
     * Decodes a picture, upright as its EXIF orientation says.
     *
     * @param mostPixels more than these are reduced by a power of two: each takes 4 bytes.
     * @throws FailureException if it is missing, or no picture.
     */
    fun decode(
        file: File,
        mostPixels: Int = MOST_PIXELS,
    ): Bitmap {
        if (!file.isFile) throw refusal(file)
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeFile(file.path, bounds)
        if (bounds.outWidth <= 0 || bounds.outHeight <= 0) throw refusal(file)
        val options =
            BitmapFactory.Options().apply {
                inSampleSize = sampleSize(bounds.outWidth, bounds.outHeight, mostPixels)
            }
        val bitmap = BitmapFactory.decodeFile(file.path, options) ?: throw refusal(file)
        val matrix = upright(orientation(file))
        if (matrix.isIdentity) return bitmap
        val turned =
            Bitmap.createBitmap(bitmap, 0, 0, bitmap.width, bitmap.height, matrix, false)
        if (turned !== bitmap) bitmap.recycle()
        return turned
    }

    /** The pixels, without transparency. */
    fun pixels(bitmap: Bitmap): RgbImage {
        val argb = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(argb, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        return RgbImage.fromArgb(bitmap.width, bitmap.height, argb)
    }

    private fun refusal(file: File) =
        FailureException(
            Failure(
                FailureKind.STORAGE,
                "Expected a picture that Android can decode. Received: ${file.name}",
                "Choose a JPEG or PNG file.",
            ),
        )

    private fun sampleSize(
        width: Int,
        height: Int,
        mostPixels: Int,
    ): Int {
        var size = 1
        while (width.toLong() * height / (size.toLong() * size) > mostPixels) size *= 2
        return size
    }

    private fun orientation(file: File): Int =
        try {
            ExifInterface(file.path).getAttributeInt(
                ExifInterface.TAG_ORIENTATION,
                ExifInterface.ORIENTATION_NORMAL,
            )
        } catch (_: IOException) {
            ExifInterface.ORIENTATION_NORMAL
        }

    private fun upright(orientation: Int) =
        Matrix().apply {
            when (orientation) {
                ExifInterface.ORIENTATION_FLIP_HORIZONTAL -> {
                    setScale(-1f, 1f)
                }

                ExifInterface.ORIENTATION_ROTATE_180 -> {
                    setRotate(180f)
                }

                ExifInterface.ORIENTATION_FLIP_VERTICAL -> {
                    setScale(1f, -1f)
                }

                ExifInterface.ORIENTATION_TRANSPOSE -> {
                    setRotate(90f)
                    postScale(-1f, 1f)
                }

                ExifInterface.ORIENTATION_ROTATE_90 -> {
                    setRotate(90f)
                }

                ExifInterface.ORIENTATION_TRANSVERSE -> {
                    setRotate(-90f)
                    postScale(-1f, 1f)
                }

                ExifInterface.ORIENTATION_ROTATE_270 -> {
                    setRotate(-90f)
                }
            }
        }
}
