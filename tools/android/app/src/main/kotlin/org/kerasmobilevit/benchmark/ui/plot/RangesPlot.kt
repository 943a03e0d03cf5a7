package org.kerasmobilevit.benchmark.ui.plot

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.util.AttributeSet
import android.view.View
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.core.Statistics

/** From the 5th to the 95th percentile of two runs, with their medians, above one scale. */
class RangesPlot(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    private val format = Format(resources)
    private val density = resources.displayMetrics.density
    private val label =
        paint(R.color.text_secondary).apply {
            textSize = resources.getDimension(R.dimen.plot_text)
            textAlign = Paint.Align.CENTER
        }
    private val grid = paint(R.color.plot_grid).apply { strokeWidth = density }
    private val colors = listOf(R.color.plot_samples, R.color.plot_pinned).map(context::getColor)
    private val bar = paint(R.color.plot_samples)
    private var ranges = listOf<Statistics>()

    fun show(
        run: Statistics,
        pinned: Statistics,
    ) {
        ranges = listOf(run, pinned)
        contentDescription =
            resources.getString(
                R.string.ranges_description,
                format.msRange(run.p5, run.p95),
                format.msRange(pinned.p5, pinned.p95),
            )
        invalidate()
    }

    override fun onMeasure(
        widthMeasureSpec: Int,
        heightMeasureSpec: Int,
    ) {
        // Room for its labels, however large they are.
        val height = (LINES * label.textSize).toInt() + paddingTop + paddingBottom
        setMeasuredDimension(
            MeasureSpec.getSize(widthMeasureSpec),
            resolveSize(height, heightMeasureSpec),
        )
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        if (ranges.isEmpty()) return
        val line = label.textSize * 1.4f
        val bottom = height - paddingBottom - line * 1.2f
        val values = ranges.flatMap { listOf(it.p5, it.p95, it.median) }.toDoubleArray()
        val axis =
            Axis.around(
                values,
                paddingLeft + 12 * density,
                width - paddingRight - 20 * density,
            )
        val ticks = axis.ticks(line * 4)
        val decimals = axis.decimals(ticks)
        for (tick in ticks) {
            val x = axis.pixel(tick)
            canvas.drawLine(x, paddingTop.toFloat(), x, bottom, grid)
            val text = resources.getString(R.string.milliseconds, format.decimal(tick, decimals))
            val half = label.measureText(text) / 2
            canvas.drawText(text, x.coerceIn(half, width - half), bottom + line, label)
        }
        val room = (bottom - paddingTop) / ranges.size
        ranges.forEachIndexed { index, range ->
            drawRange(canvas, axis, range, paddingTop + room * (index + 0.5f), colors[index])
        }
    }

    private fun drawRange(
        canvas: Canvas,
        axis: Axis,
        range: Statistics,
        y: Float,
        color: Int,
    ) {
        val half = 9 * density
        val left = axis.pixel(range.p5)
        val right = maxOf(axis.pixel(range.p95), left + 2 * density)
        bar.color = color
        bar.alpha = 110
        canvas.drawRoundRect(left, y - half, right, y + half, half / 2, half / 2, bar)
        bar.alpha = 255
        val middle = axis.pixel(range.median)
        val width = 2 * density
        canvas.drawRoundRect(
            middle - width,
            y - half * 1.5f,
            middle + width,
            y + half * 1.5f,
            width,
            width,
            bar,
        )
    }

    private fun paint(color: Int) =
        Paint(Paint.ANTI_ALIAS_FLAG).apply { this.color = context.getColor(color) }

    private companion object {
        /** Its height, in heights of a letter. */
        const val LINES = 9
    }
}
