package org.kerasmobilevit.benchmark.ui.plot

import android.content.Context
import android.graphics.Canvas
import android.graphics.DashPathEffect
import android.graphics.Paint
import android.graphics.Path
import android.util.AttributeSet
import android.view.View
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.core.Samples
import org.kerasmobilevit.core.Statistics

/** Latency of each run over time, with the thermal headroom on the right. */
class SamplesPlot(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    private val format = Format(resources)
    private val density = resources.displayMetrics.density
    private val dot = paint(R.color.plot_samples).apply { alpha = 150 }
    private val median =
        paint(R.color.plot_samples).apply {
            style = Paint.Style.STROKE
            strokeWidth = 1.5f * density
            pathEffect = DashPathEffect(floatArrayOf(6 * density, 4 * density), 0f)
        }
    private val heat =
        paint(R.color.plot_heat).apply {
            style = Paint.Style.STROKE
            strokeWidth = 2 * density
            strokeJoin = Paint.Join.ROUND
        }
    private val heatDot = paint(R.color.plot_heat)
    private val grid = paint(R.color.plot_grid).apply { strokeWidth = density }
    private val label =
        paint(R.color.text_secondary).apply {
            textSize = resources.getDimension(R.dimen.plot_text)
        }
    private val heatLabel = paint(R.color.plot_heat).apply { textSize = label.textSize }
    private var samples: Samples? = null
    private var statistics: Statistics? = null

    fun show(
        samples: Samples,
        statistics: Statistics,
    ) {
        this.samples = samples
        this.statistics = statistics
        contentDescription = describe(samples, statistics)
        invalidate()
    }

    private fun describe(
        samples: Samples,
        statistics: Statistics,
    ): String {
        val times =
            resources.getQuantityString(
                R.plurals.plot_description,
                samples.ms.size,
                samples.ms.size,
                format.seconds(samples.startedAtS.last() + samples.ms.last() / 1000),
                format.ms(statistics.min),
                format.ms(statistics.max),
                format.ms(statistics.median),
            )
        val readings = samples.thermal.samples.map { it.headroom }
        val heat =
            if (readings.isEmpty()) {
                resources.getString(R.string.plot_no_heat)
            } else {
                resources.getString(
                    R.string.plot_heat_description,
                    format.headroom(readings.first()),
                    format.headroom(readings.last()),
                    format.headroom(readings.max()),
                )
            }
        return "$times $heat"
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
        val samples = samples ?: return
        val statistics = statistics ?: return
        val readings = samples.thermal.samples
        val line = label.textSize * 1.4f
        val top = paddingTop + line * 2
        val bottom = height - paddingBottom - line * 1.4f
        val times = Axis.around(samples.ms, bottom, top)
        val ticks = times.ticks(line * 2.2f)
        val decimals = times.decimals(ticks)
        val left =
            paddingLeft + 8 * density +
                ticks.maxOf { label.measureText(format.decimal(it, decimals)) }
        val right =
            width - paddingRight -
                if (readings.isEmpty()) density * 4 else heatLabel.measureText("0.0") + 8 * density
        val end = samples.startedAtS.last() + samples.ms.last() / 1000
        val seconds = Axis(0.0, maxOf(end, 1e-3), left, right)

        drawTimes(canvas, times, ticks, decimals, left, right)
        drawSeconds(canvas, seconds, bottom, line)
        samples.ms.forEachIndexed { index, ms ->
            val x = seconds.pixel(samples.startedAtS[index])
            canvas.drawCircle(x, times.pixel(ms), 2.5f * density, dot)
        }
        val middle = times.pixel(statistics.median)
        canvas.drawPath(line(left, middle, right, middle), median)
        if (readings.isNotEmpty()) {
            drawHeat(canvas, samples, seconds, Axis(0.0, heatLimit(samples), bottom, top), right)
        }
    }

    private fun drawTimes(
        canvas: Canvas,
        axis: Axis,
        ticks: List<Double>,
        decimals: Int,
        left: Float,
        right: Float,
    ) {
        label.textAlign = Paint.Align.RIGHT
        for (tick in ticks) {
            val y = axis.pixel(tick)
            canvas.drawLine(left, y, right, y, grid)
            canvas.drawText(
                format.decimal(tick, decimals),
                left - 6 * density,
                y + label.textSize * 0.35f,
                label,
            )
        }
        label.textAlign = Paint.Align.LEFT
        val unit = resources.getString(R.string.plot_unit_ms)
        canvas.drawText(unit, paddingLeft.toFloat(), paddingTop + label.textSize, label)
    }

    private fun drawSeconds(
        canvas: Canvas,
        axis: Axis,
        bottom: Float,
        line: Float,
    ) {
        val ticks = axis.ticks(line * 4)
        val decimals = axis.decimals(ticks)
        label.textAlign = Paint.Align.CENTER
        for (tick in ticks) {
            val text = resources.getString(R.string.seconds_value, format.decimal(tick, decimals))
            val half = label.measureText(text) / 2
            val x = axis.pixel(tick).coerceAtMost(width - paddingRight - half)
            canvas.drawText(text, x, bottom + line * 1.2f, label)
        }
    }

    private fun drawHeat(
        canvas: Canvas,
        samples: Samples,
        seconds: Axis,
        axis: Axis,
        right: Float,
    ) {
        heatLabel.textAlign = Paint.Align.LEFT
        for (tick in axis.ticks(label.textSize * 3)) {
            val y = axis.pixel(tick) + label.textSize * 0.35f
            canvas.drawText(format.decimal(tick, 1), right + 6 * density, y, heatLabel)
        }
        heatLabel.textAlign = Paint.Align.RIGHT
        canvas.drawText(
            resources.getString(R.string.plot_headroom),
            (width - paddingRight).toFloat(),
            paddingTop + label.textSize,
            heatLabel,
        )
        val path = Path()
        samples.thermal.samples.forEachIndexed { index, sample ->
            val x = seconds.pixel(sample.atS)
            val y = axis.pixel(sample.headroom)
            if (index == 0) path.moveTo(x, y) else path.lineTo(x, y)
            canvas.drawCircle(x, y, 3.5f * density, heatDot)
        }
        canvas.drawPath(path, heat)
    }

    private fun heatLimit(samples: Samples) =
        maxOf(1.0, samples.thermal.samples.maxOf { it.headroom })

    private fun line(
        x1: Float,
        y1: Float,
        x2: Float,
        y2: Float,
    ) = Path().apply {
        moveTo(x1, y1)
        lineTo(x2, y2)
    }

    private fun paint(color: Int) =
        Paint(Paint.ANTI_ALIAS_FLAG).apply { this.color = context.getColor(color) }

    private companion object {
        /** Its height, in heights of a letter. */
        const val LINES = 17
    }
}
