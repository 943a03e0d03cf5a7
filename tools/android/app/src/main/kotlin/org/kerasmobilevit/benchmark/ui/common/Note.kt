package org.kerasmobilevit.benchmark.ui.common

import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.ImageView
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import java.io.Serializable

/** How a note looks. */
enum class NoteKind(
    val ground: Int,
    val ink: Int,
    val icon: Int,
) {
    GOOD(R.drawable.note_good, R.color.on_good_container, R.drawable.ic_check),
    WARNING(R.drawable.note_warning, R.color.on_warning_container, R.drawable.ic_warning),
    ERROR(R.drawable.note_error, R.color.on_error_container, R.drawable.ic_error),
    UNKNOWN(R.drawable.card, R.color.text_secondary, R.drawable.ic_unknown),
}

/** What happened, why, and what to do about it. */
data class Note(
    val kind: NoteKind,
    val title: String,
    val message: String? = null,
    val advice: String? = null,
) : Serializable

/** Makes a card of a note, which is not yet in [parent]. */
fun Note.inflate(parent: ViewGroup): View {
    val view = LayoutInflater.from(parent.context).inflate(R.layout.note, parent, false)
    show(view)
    return view
}

/** Fills a view of `@layout/note`. */
fun Note.show(view: View) {
    view.setBackgroundResource(kind.ground)
    val ink = view.context.getColor(kind.ink)
    view.findViewById<ImageView>(R.id.note_icon).apply {
        setImageResource(kind.icon)
        setColorFilter(ink)
    }
    for ((id, text) in listOf(
        R.id.note_title to title,
        R.id.note_message to message,
        R.id.note_advice to advice,
    )) {
        view.findViewById<TextView>(id).apply {
            setTextColor(ink)
            this.text = text
            visibility = if (text.isNullOrBlank()) View.GONE else View.VISIBLE
        }
    }
}
