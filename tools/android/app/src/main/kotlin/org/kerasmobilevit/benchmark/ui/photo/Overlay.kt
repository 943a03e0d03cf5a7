package org.kerasmobilevit.benchmark.ui.photo

import android.graphics.RectF
import org.kerasmobilevit.core.CropMode
import org.kerasmobilevit.core.ImageSpec

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
