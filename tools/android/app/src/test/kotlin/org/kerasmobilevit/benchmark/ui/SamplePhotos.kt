package org.kerasmobilevit.benchmark.ui

import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.LinearGradient
import android.graphics.Paint
import android.graphics.Shader
import org.kerasmobilevit.core.Box
import org.kerasmobilevit.core.Prediction
import org.kerasmobilevit.core.Scored
import java.io.ByteArrayOutputStream
import kotlin.math.hypot

/** A drawn photo, and what models could say of it. */
object SamplePhotos {
    private const val WIDTH = 640
    private const val HEIGHT = 480

    fun png(): ByteArray {
        val bitmap = Bitmap.createBitmap(WIDTH, HEIGHT, Bitmap.Config.ARGB_8888)
        val canvas = Canvas(bitmap)
        val paint = Paint(Paint.ANTI_ALIAS_FLAG)
        val sky = Color.rgb(120, 180, 230)
        val ground = Color.rgb(200, 220, 190)
        paint.shader =
            LinearGradient(0f, 0f, 0f, HEIGHT.toFloat(), sky, ground, Shader.TileMode.CLAMP)
        canvas.drawPaint(paint)
        paint.shader = null
        paint.color = Color.rgb(90, 60, 40)
        canvas.drawCircle(200f, 280f, 110f, paint)
        paint.color = Color.rgb(220, 120, 60)
        canvas.drawRect(400f, 200f, 560f, 420f, paint)
        return ByteArrayOutputStream()
            .also {
                bitmap.compress(Bitmap.CompressFormat.PNG, 100, it)
            }.toByteArray()
    }

    fun classes(vararg scores: Pair<String, Double>) =
        Prediction.Classes(
            scores.mapIndexed { index, (label, score) -> Scored(index, label, score) },
        )

    val float32 =
        classes(
            "cat" to 0.713,
            "dog" to 0.201,
            "deer" to 0.043,
            "frog" to 0.021,
            "horse" to 0.012,
            "bird" to 0.008,
        )

    val int8 =
        classes(
            "cat" to 0.655,
            "dog" to 0.224,
            "frog" to 0.051,
            "deer" to 0.046,
            "bird" to 0.014,
            "horse" to 0.007,
        )

    val otherFirst =
        classes(
            "dog" to 0.512,
            "cat" to 0.443,
            "deer" to 0.02,
            "frog" to 0.01,
            "bird" to 0.01,
        )

    fun boxes(withBox: Boolean) =
        Prediction.Boxes(
            listOfNotNull(
                Box(Scored(1, "dog", 0.91), 0.13f, 0.34f, 0.5f, 0.82f),
                Box(Scored(2, "box", 0.64), 0.61f, 0.4f, 0.89f, 0.89f).takeIf { withBox },
            ),
        )

    fun mask(radius: Double) =
        Prediction.Mask(
            96,
            96,
            IntArray(96 * 96) {
                when {
                    hypot(it % 96 - 24.0, it / 96 - 56.0) < radius -> 1
                    it % 96 in 66..90 && it / 96 in 40..83 -> 2
                    else -> 0
                }
            },
        )
}
