package org.kerasmobilevit.benchmark.ui.common

import android.content.Context
import android.util.AttributeSet
import android.view.View
import android.view.ViewGroup
import org.kerasmobilevit.benchmark.R

/** Children side by side, in the next line where one has no room: for buttons and badges. */
class Flow(
    context: Context,
    attributes: AttributeSet?,
) : ViewGroup(context, attributes) {
    private val gap = resources.getDimensionPixelSize(R.dimen.flow_gap)
    private val lines = mutableListOf<List<View>>()

    override fun onMeasure(
        widthMeasureSpec: Int,
        heightMeasureSpec: Int,
    ) {
        val width = MeasureSpec.getSize(widthMeasureSpec)
        val room = width - paddingLeft - paddingRight
        lines.clear()
        var line = mutableListOf<View>()
        var used = 0
        for (child in (0 until childCount).map(::getChildAt)) {
            if (child.visibility == GONE) continue
            child.measure(
                MeasureSpec.makeMeasureSpec(room, MeasureSpec.AT_MOST),
                getChildMeasureSpec(heightMeasureSpec, 0, child.layoutParams.height),
            )
            if (line.isNotEmpty() && used + gap + child.measuredWidth > room) {
                lines += line
                line = mutableListOf()
                used = 0
            }
            used += child.measuredWidth + if (line.isEmpty()) 0 else gap
            line += child
        }
        if (line.isNotEmpty()) lines += line
        val height = lines.sumOf(::heightOf) + gap * maxOf(0, lines.size - 1)
        setMeasuredDimension(
            width,
            resolveSize(height + paddingTop + paddingBottom, heightMeasureSpec),
        )
    }

    override fun onLayout(
        changed: Boolean,
        left: Int,
        top: Int,
        right: Int,
        bottom: Int,
    ) {
        var y = paddingTop
        for (line in lines) {
            var x = paddingStart
            val height = heightOf(line)
            for (child in line) {
                val start =
                    if (layoutDirection == LAYOUT_DIRECTION_RTL) {
                        width - x - child.measuredWidth
                    } else {
                        x
                    }
                val above = y + (height - child.measuredHeight) / 2
                child.layout(
                    start,
                    above,
                    start + child.measuredWidth,
                    above + child.measuredHeight,
                )
                x += child.measuredWidth + gap
            }
            y += height + gap
        }
    }

    private fun heightOf(line: List<View>) = line.maxOf { it.measuredHeight }

    override fun generateLayoutParams(attributes: AttributeSet?) = LayoutParams(context, attributes)

    override fun shouldDelayChildPressedState() = false
}
