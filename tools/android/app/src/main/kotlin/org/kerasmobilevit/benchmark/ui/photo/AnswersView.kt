package org.kerasmobilevit.benchmark.ui.photo

import android.content.res.Resources
import android.graphics.Bitmap
import android.text.SpannableStringBuilder
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.ProgressBar
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.PhotoResult
import org.kerasmobilevit.benchmark.ui.common.AdaptiveColumns
import org.kerasmobilevit.benchmark.ui.common.Fact
import org.kerasmobilevit.benchmark.ui.common.FactTable
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.benchmark.ui.common.show
import org.kerasmobilevit.core.ModelInfo
import org.kerasmobilevit.core.Prediction

/** What one model answered, and who it is. */
class NamedAnswer(
    val name: String,
    val info: ModelInfo,
    val result: PhotoResult,
)

/** Shows the answers of two models side by side, or those of one. */
class AnswersView(
    private val columns: AdaptiveColumns,
) {
    private val resources: Resources = columns.resources
    private val format = Format(resources)
    private val colors = OverlayColors(resources)
    private val card: View = columns.findViewById(R.id.photo_answers)
    private val overlays = mutableListOf<View>()

    /** Whether the photo is shown with boxes or masks. */
    val hasOverlays get() = overlays.isNotEmpty()

    fun hide() {
        card.visibility = View.GONE
        overlays.forEach(columns::removeView)
        overlays.clear()
    }

    /** @param answers one or two. */
    fun show(
        photo: Bitmap,
        answers: List<NamedAnswer>,
    ) {
        hide()
        card.visibility = View.VISIBLE
        val first = answers.first()
        val second = answers.last()
        val compared =
            Answers.of(
                first.result.prediction,
                second.result.prediction,
                listOf(first.info, second.info),
            )
        val texts = AnswerTexts(resources, listOf(first.name, second.name))
        card.findViewById<View>(R.id.photo_headline).let {
            it.visibility = if (answers.size == 1) View.GONE else View.VISIBLE
            texts.headline(compared).show(it)
        }
        val times = answers.map { Fact(it.name, format.ms(it.result.ms)) }
        card.findViewById<FactTable>(R.id.photo_times).show(times)
        showRows(compared, texts, answers)
        for (answer in answers) showOverlay(photo, answer)
    }

    private fun showRows(
        answers: Answers?,
        texts: AnswerTexts,
        named: List<NamedAnswer>,
    ) {
        val rows = card.findViewById<ViewGroup>(R.id.photo_rows)
        rows.removeAllViews()
        for (row in answers?.rows.orEmpty()) {
            val unit = checkNotNull(answers).unit
            val view = LayoutInflater.from(rows.context).inflate(R.layout.photo_row, rows, false)
            val difference = texts.difference(row, unit)
            view.findViewById<TextView>(R.id.row_label).text = row.label
            view.findViewById<TextView>(R.id.row_difference).apply {
                text = difference
                visibility = if (difference.isEmpty()) View.GONE else View.VISIBLE
            }
            val values = listOf(row.first, row.second).map { texts.value(it, unit) }
            showAnswer(
                view.findViewById(R.id.row_first),
                named.first().name,
                values[0],
                row.first,
                unit,
            )
            val second = view.findViewById<View>(R.id.row_second)
            showAnswer(second, named.last().name, values[1], row.second, unit)
            if (named.size == 1) second.visibility = View.GONE
            view.contentDescription =
                format.line(
                    listOf(row.label) +
                        named.mapIndexed { index, it ->
                            resources.getString(R.string.fact_description, it.name, values[index])
                        } + difference,
                )
            rows.addView(view)
        }
    }

    private fun showAnswer(
        view: View,
        name: String,
        value: String,
        answer: Answer?,
        unit: AnswerUnit,
    ) {
        view.findViewById<TextView>(R.id.answer_model).text = name
        view.findViewById<TextView>(R.id.answer_value).text = value
        view.findViewById<ProgressBar>(R.id.answer_bar).apply {
            val hasBar = unit == AnswerUnit.PROBABILITY || unit == AnswerUnit.SHARE
            visibility = if (hasBar) View.VISIBLE else View.GONE
            progress = (max * (answer?.value ?: 0.0)).toInt()
        }
    }

    /** Boxes and masks on the photo. */
    private fun showOverlay(
        photo: Bitmap,
        answer: NamedAnswer,
    ) {
        val prediction = answer.result.prediction
        val text =
            when (prediction) {
                is Prediction.Boxes -> objects(prediction)
                is Prediction.Mask -> legend(prediction, answer.info)
                else -> return
            }
        val view =
            LayoutInflater
                .from(columns.context)
                .inflate(R.layout.photo_overlay, columns, false)
        view.findViewById<TextView>(R.id.overlay_title).text = answer.name
        view.findViewById<TextView>(R.id.overlay_text).apply {
            this.text = text
            visibility = if (text.isEmpty()) View.GONE else View.VISIBLE
        }
        view.findViewById<PredictionPicture>(R.id.overlay_picture).apply {
            show(photo, answer.info, prediction)
            contentDescription =
                resources.getString(
                    if (prediction is Prediction.Mask) {
                        R.string.photo_mask_description
                    } else {
                        R.string.photo_boxes_description
                    },
                    answer.name,
                )
        }
        columns.addView(view, columns.indexOfChild(card))
        overlays += view
    }

    private fun objects(boxes: Prediction.Boxes): CharSequence {
        if (boxes.boxes.isEmpty()) return resources.getString(R.string.photo_no_objects)
        return lines(
            boxes.boxes.map {
                val score = format.percent(it.found.score)
                val text = resources.getString(R.string.photo_object, it.found.label, score)
                colors.mark(it.found.outputClass, text)
            },
        )
    }

    /** The classes that cover most of a mask. */
    private fun legend(
        mask: Prediction.Mask,
        info: ModelInfo,
    ): CharSequence {
        val counts =
            mask.classes
                .toList()
                .groupingBy { it }
                .eachCount()
        return lines(
            counts.entries
                .filterNot { isBackground(info, it.key) }
                .sortedByDescending { it.value }
                .take(MOST_CLASSES)
                .map { (found, count) ->
                    val share = format.percent(count.toDouble() / mask.classes.size)
                    val label = info.label(found)
                    val text = resources.getString(R.string.photo_object, label, share)
                    colors.mark(found, text)
                },
        )
    }

    private fun lines(lines: List<CharSequence>): CharSequence =
        SpannableStringBuilder().apply {
            lines.forEachIndexed { index, line ->
                if (index > 0) append("\n")
                append(line)
            }
        }

    private companion object {
        const val MOST_CLASSES = 8
    }
}
