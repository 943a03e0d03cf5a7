package org.kerasmobilevit.benchmark.ui.common

import android.content.Context
import android.util.AttributeSet
import android.view.View
import android.view.ViewGroup
import org.kerasmobilevit.benchmark.R

/**
 * Cards in as many columns as the width has room for.
 *
 * Each card goes below the shortest column, so that one layout file serves phones, landscape and
 * tablets. The width of a column grows with the font size. The order of the children, which
 * TalkBack and keyboards follow, is from top to bottom.
 */
class AdaptiveColumns(
    context: Context,
    attributes: AttributeSet?,
) : ViewGroup(context, attributes) {
    // Not in sp, which does not grow in proportion in large sizes.
    private val columnWidth =
        (resources.getDimension(R.dimen.column_width) * resources.configuration.fontScale).toInt()
    private val gap = resources.getDimensionPixelSize(R.dimen.gap)

    /** Where a child lies, and whether it takes the whole width. */
    class LayoutParams : MarginLayoutParams {
        var wide: Boolean
        internal var left = 0
        internal var top = 0

        constructor(context: Context, attributes: AttributeSet?) : super(context, attributes) {
            val values =
                context.obtainStyledAttributes(attributes, R.styleable.AdaptiveColumns_Layout)
            wide = values.getBoolean(R.styleable.AdaptiveColumns_Layout_layout_wide, false)
            values.recycle()
        }

        constructor(wide: Boolean) : super(MATCH_PARENT, WRAP_CONTENT) {
            this.wide = wide
        }
    }

    override fun onMeasure(
        widthMeasureSpec: Int,
        heightMeasureSpec: Int,
    ) {
        val width = MeasureSpec.getSize(widthMeasureSpec)
        val room = width - paddingLeft - paddingRight
        val children = (0 until childCount).map(::getChildAt).filter { it.visibility != View.GONE }
        val narrow = children.count { !(it.layoutParams as LayoutParams).wide }
        val count = ((room + gap) / (columnWidth + gap)).coerceIn(1, maxOf(1, narrow))
        val column = (room - gap * (count - 1)) / count
        val bottoms = IntArray(count) { paddingTop }
        for (child in children) {
            val place = child.layoutParams as LayoutParams
            val index = bottoms.indices.minBy { bottoms[it] }
            place.left = if (place.wide) 0 else index * (column + gap)
            place.top = if (place.wide) bottoms.max() else bottoms[index]
            child.measure(
                MeasureSpec.makeMeasureSpec(if (place.wide) room else column, MeasureSpec.EXACTLY),
                getChildMeasureSpec(heightMeasureSpec, 0, place.height),
            )
            val bottom = place.top + child.measuredHeight + gap
            if (place.wide) bottoms.fill(bottom) else bottoms[index] = bottom
        }
        val height = bottoms.max() - (if (children.isEmpty()) 0 else gap) + paddingBottom
        setMeasuredDimension(width, resolveSize(height, heightMeasureSpec))
    }

    override fun onLayout(
        changed: Boolean,
        left: Int,
        top: Int,
        right: Int,
        bottom: Int,
    ) {
        for (child in (0 until childCount).map(::getChildAt)) {
            if (child.visibility == View.GONE) continue
            val place = child.layoutParams as LayoutParams
            val start =
                if (layoutDirection == LAYOUT_DIRECTION_RTL) {
                    width - paddingRight - place.left - child.measuredWidth
                } else {
                    paddingLeft + place.left
                }
            child.layout(
                start,
                place.top,
                start + child.measuredWidth,
                place.top + child.measuredHeight,
            )
        }
    }

    override fun generateLayoutParams(attributes: AttributeSet?) = LayoutParams(context, attributes)

    override fun generateLayoutParams(parameters: ViewGroup.LayoutParams?) = LayoutParams(false)

    override fun generateDefaultLayoutParams() = LayoutParams(false)

    override fun checkLayoutParams(parameters: ViewGroup.LayoutParams?) = parameters is LayoutParams

    override fun shouldDelayChildPressedState() = false
}
