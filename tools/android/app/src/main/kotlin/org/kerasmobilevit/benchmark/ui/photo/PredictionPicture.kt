package org.kerasmobilevit.benchmark.ui.photo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.RectF
import android.util.AttributeSet
import android.view.View
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.core.Box
import org.kerasmobilevit.core.ModelInfo
import org.kerasmobilevit.core.Prediction

/** A photo with the boxes or the mask that a model gave. */
class PredictionPicture(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    private val density = resources.displayMetrics.density
    private val colors = OverlayColors(resources)
    private val smooth = Paint(Paint.FILTER_BITMAP_FLAG)
    private val frame =
        Paint(Paint.ANTI_ALIAS_FLAG).apply {
            style = Paint.Style.STROKE
            strokeWidth = 2.5f * density
        }
    private val ground = Paint(Paint.ANTI_ALIAS_FLAG)
    private val text =
        Paint(Paint.ANTI_ALIAS_FLAG).apply {
            color = Color.BLACK
            textSize = resources.getDimension(R.dimen.plot_text)
        }
    private val place = RectF()
    private var photo: Bitmap? = null
    private var boxes = listOf<Box>()
    private var mask: Bitmap? = null

    /** Where the mask lies, in shares of the photo. */
    private var seen = RectF(0f, 0f, 1f, 1f)

    fun show(
        photo: Bitmap,
        info: ModelInfo,
        prediction: Prediction,
    ) {
        this.photo = photo
        boxes = (prediction as? Prediction.Boxes)?.boxes.orEmpty()
        mask = (prediction as? Prediction.Mask)?.let { colored(it, info) }
        if (prediction is Prediction.Mask) {
            seen =
                seenPart(
                    info.image,
                    photo.width,
                    photo.height,
                    prediction.width,
                    prediction.height,
                )
        }
        requestLayout()
        invalidate()
    }

    private fun colored(
        mask: Prediction.Mask,
        info: ModelInfo,
    ): Bitmap {
        val pixels =
            IntArray(mask.classes.size) { index ->
                val found = mask.classes[index]
                if (isBackground(info, found)) {
                    0
                } else {
                    colors.of(found) and 0xffffff or
                        (MASK_ALPHA shl 24)
                }
            }
        return Bitmap.createBitmap(pixels, mask.width, mask.height, Bitmap.Config.ARGB_8888)
    }

    override fun onMeasure(
        widthMeasureSpec: Int,
        heightMeasureSpec: Int,
    ) {
        val width = MeasureSpec.getSize(widthMeasureSpec)
        val photo = photo
        val height = if (photo == null) 0 else width * photo.height / photo.width
        val most = resources.getDimensionPixelSize(R.dimen.photo_height)
        setMeasuredDimension(width, resolveSize(minOf(height, most), heightMeasureSpec))
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val photo = photo ?: return
        val scale = minOf(width.toFloat() / photo.width, height.toFloat() / photo.height)
        val halfWidth = photo.width * scale / 2
        val halfHeight = photo.height * scale / 2
        place.set(
            width / 2f - halfWidth,
            height / 2f - halfHeight,
            width / 2f + halfWidth,
            height / 2f + halfHeight,
        )
        canvas.drawBitmap(photo, null, place, smooth)
        mask?.let { canvas.drawBitmap(it, null, inPicture(seen), null) }
        // The most probable on top.
        boxes.reversed().forEach { drawBox(canvas, it) }
    }

    private fun inPicture(share: RectF) =
        RectF(
            place.left + share.left * place.width(),
            place.top + share.top * place.height(),
            place.left + share.right * place.width(),
            place.top + share.bottom * place.height(),
        )

    private fun drawBox(
        canvas: Canvas,
        box: Box,
    ) {
        val color = colors.of(box.found.outputClass)
        val bounds = inPicture(RectF(box.left, box.top, box.right, box.bottom))
        frame.color = color
        ground.color = color
        canvas.drawRect(bounds, frame)
        val label =
            resources.getString(
                R.string.photo_box,
                box.found.label,
                (100 * box.found.score).toInt(),
            )
        val pad = 4 * density
        val height = text.textSize + 2 * pad
        val left =
            bounds.left
                .coerceAtMost(place.right - text.measureText(label) - 2 * pad)
                .coerceAtLeast(place.left)
        val top = (bounds.top - height).coerceAtLeast(place.top)
        canvas.drawRect(left, top, left + text.measureText(label) + 2 * pad, top + height, ground)
        canvas.drawText(label, left + pad, top + pad + text.textSize * 0.85f, text)
    }

    private companion object {
        const val MASK_ALPHA = 150
    }
}
