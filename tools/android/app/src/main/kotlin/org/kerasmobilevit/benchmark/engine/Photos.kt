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
    /** More pixels than these are reduced by a power of two when decoded. */
    const val MOST_PIXELS = 16_000_000

    /**
     * Decodes a picture, upright as its EXIF orientation says.
     *
     * @throws FailureException if it is missing, or no picture.
     */
    fun decode(file: File): Bitmap {
        if (!file.isFile) throw refusal(file)
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeFile(file.path, bounds)
        if (bounds.outWidth <= 0 || bounds.outHeight <= 0) throw refusal(file)
        val options =
            BitmapFactory.Options().apply {
                inSampleSize = sampleSize(bounds.outWidth, bounds.outHeight)
            }
        val bitmap = BitmapFactory.decodeFile(file.path, options) ?: throw refusal(file)
        val matrix = upright(orientation(file))
        return if (matrix.isIdentity) {
            bitmap
        } else {
            Bitmap.createBitmap(bitmap, 0, 0, bitmap.width, bitmap.height, matrix, false)
        }
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
    ): Int {
        var size = 1
        while (width.toLong() * height / (size.toLong() * size) > MOST_PIXELS) size *= 2
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
