package org.kerasmobilevit.benchmark.ui.common

import android.content.Context
import android.util.AttributeSet
import android.view.View
import android.view.ViewGroup
import org.kerasmobilevit.benchmark.R

/**
 * A label and its value: side by side, or the value below where both do not fit.
 *
 * TalkBack reads them as one.
 */
class FactRow(context: Context, attributes: AttributeSet?) : ViewGroup(context, attributes) {
    private val gap = resources.getDimensionPixelSize(R.dimen.gap)
    private val label get() = getChildAt(0)
    private val value get() = getChildAt(1)
    private var stacked = false

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val width = MeasureSpec.getSize(widthMeasureSpec)
        val room = width - paddingLeft - paddingRight
        val height = MeasureSpec.makeMeasureSpec(0, MeasureSpec.UNSPECIFIED)
        val free = MeasureSpec.makeMeasureSpec(0, MeasureSpec.UNSPECIFIED)
        val bounded = MeasureSpec.makeMeasureSpec(room, MeasureSpec.AT_MOST)
        label.measure(free, height)
        value.measure(free, height)
        stacked = label.measuredWidth + gap + value.measuredWidth > room
        label.measure(bounded, height)
        value.measure(bounded, height)
        val both = if (stacked) {
            label.measuredHeight + value.measuredHeight
        } else {
            maxOf(label.measuredHeight, value.measuredHeight)
        }
        setMeasuredDimension(
            width,
            resolveSize(
                maxOf(both + paddingTop + paddingBottom, suggestedMinimumHeight),
                heightMeasureSpec,
            ),
        )
    }

    override fun onLayout(changed: Boolean, left: Int, top: Int, right: Int, bottom: Int) {
        if (stacked) {
            val content = label.measuredHeight + value.measuredHeight
            val above = (height - content) / 2
            place(label, paddingStart, above)
            place(value, paddingStart, above + label.measuredHeight)
        } else {
            place(label, paddingStart, (height - label.measuredHeight) / 2)
            place(
                value,
                width - paddingEnd - value.measuredWidth,
                (height - value.measuredHeight) / 2,
            )
        }
    }

    private fun place(view: View, start: Int, top: Int) {
        val left = if (layoutDirection == LAYOUT_DIRECTION_RTL) {
            width - start - view.measuredWidth
        } else {
            start
        }
        view.layout(left, top, left + view.measuredWidth, top + view.measuredHeight)
    }

    override fun generateLayoutParams(attributes: AttributeSet?) =
        LayoutParams(context, attributes)
}
