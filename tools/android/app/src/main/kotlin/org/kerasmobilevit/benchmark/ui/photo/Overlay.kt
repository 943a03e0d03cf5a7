package org.kerasmobilevit.benchmark.ui.photo

import android.content.res.Resources
import android.graphics.RectF
import android.text.SpannableStringBuilder
import android.text.Spanned
import android.text.style.ForegroundColorSpan
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.core.CropMode
import org.kerasmobilevit.core.ImageSpec
import org.kerasmobilevit.core.ModelInfo

/** Colours of classes on photos. */
class OverlayColors(
    resources: Resources,
) {
    private val colors = resources.getIntArray(R.array.overlay_colors)

    fun of(outputClass: Int): Int = colors[Math.floorMod(outputClass, colors.size)]

    /** A line with a square in the colour of the class. */
    fun mark(
        outputClass: Int,
        text: String,
    ): CharSequence =
        SpannableStringBuilder(SQUARE).apply {
            setSpan(ForegroundColorSpan(of(outputClass)), 0, 1, Spanned.SPAN_EXCLUSIVE_EXCLUSIVE)
            append(text)
        }

    private companion object {
        const val SQUARE = "\u25a0\u00a0"
    }
}

/** Whether a class of a mask is what is behind the objects, which stays without colour. */
fun isBackground(
    info: ModelInfo,
    outputClass: Int,
) = outputClass == 0 && info.label(0).equals("background", ignoreCase = true)

/** What part of a picture a model sees: shares of its width and height. */
fun seenPart(
    image: ImageSpec,
    pictureWidth: Int,
    pictureHeight: Int,
    inputWidth: Int,
    inputHeight: Int,
): RectF {
    if (image.cropMode == CropMode.SQUASH) return RectF(0f, 0f, 1f, 1f)
    // As large as the picture has room for, with the input's aspect ratio.
    val scale =
        minOf(
            pictureWidth.toDouble() / inputWidth,
            pictureHeight.toDouble() / inputHeight,
        ) * image.cropPct
    val width = (inputWidth * scale / pictureWidth).toFloat()
    val height = (inputHeight * scale / pictureHeight).toFloat()
    return RectF((1 - width) / 2, (1 - height) / 2, (1 + width) / 2, (1 + height) / 2)
}
