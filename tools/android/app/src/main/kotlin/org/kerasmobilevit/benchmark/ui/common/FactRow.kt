package org.kerasmobilevit.benchmark.ui.common

import android.content.Context
import android.util.AttributeSet
import android.view.View
import android.view.ViewGroup
import org.kerasmobilevit.benchmark.R

/** A label and its value, or a field: side by side, or one below the other if both do not fit. */
class FactRow(
    context: Context,
    attributes: AttributeSet?,
) : ViewGroup(context, attributes) {
    private val gap = resources.getDimensionPixelSize(R.dimen.gap)
    private val label get() = getChildAt(0)
    private val value get() = getChildAt(1)
    private var stacked = false

    override fun onMeasure(
        widthMeasureSpec: Int,
        heightMeasureSpec: Int,
    ) {
        val width = MeasureSpec.getSize(widthMeasureSpec)
        val room = width - paddingLeft - paddingRight
        measure(label, MeasureSpec.UNSPECIFIED, room)
        measure(value, MeasureSpec.UNSPECIFIED, room)
        stacked = label.measuredWidth + gap + value.measuredWidth > room
        measure(label, MeasureSpec.AT_MOST, room)
        measure(value, MeasureSpec.AT_MOST, room)
        val both =
            if (stacked) {
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

    private fun measure(
        view: View,
        mode: Int,
        room: Int,
    ) = view.measure(
        getChildMeasureSpec(MeasureSpec.makeMeasureSpec(room, mode), 0, view.layoutParams.width),
        MeasureSpec.makeMeasureSpec(0, MeasureSpec.UNSPECIFIED),
    )

    override fun onLayout(
        changed: Boolean,
        left: Int,
        top: Int,
        right: Int,
        bottom: Int,
    ) {
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

    private fun place(
        view: View,
        start: Int,
        top: Int,
    ) {
        val left =
            if (layoutDirection == LAYOUT_DIRECTION_RTL) {
                width - start - view.measuredWidth
            } else {
                start
            }
        view.layout(left, top, left + view.measuredWidth, top + view.measuredHeight)
    }

    override fun shouldDelayChildPressedState() = false

    override fun generateLayoutParams(attributes: AttributeSet?) = LayoutParams(context, attributes)
}
