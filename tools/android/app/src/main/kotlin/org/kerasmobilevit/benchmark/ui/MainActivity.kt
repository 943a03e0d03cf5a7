package org.kerasmobilevit.benchmark.ui

import android.app.AlertDialog
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.view.Menu
import android.view.MenuItem
import android.view.View
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.AdaptiveColumns
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.benchmark.ui.common.Screen
import org.kerasmobilevit.benchmark.ui.common.Task
import org.kerasmobilevit.benchmark.ui.common.show
import org.kerasmobilevit.benchmark.ui.common.toNote
import org.kerasmobilevit.benchmark.ui.history.HistoryActivity
import org.kerasmobilevit.benchmark.ui.models.ModelCards
import org.kerasmobilevit.benchmark.ui.models.ModelEntry
import org.kerasmobilevit.benchmark.ui.models.ModelImport
import org.kerasmobilevit.benchmark.ui.models.ModelLibrary
import org.kerasmobilevit.benchmark.ui.photo.PhotoActivity
import org.kerasmobilevit.benchmark.ui.run.RunActivity

/** The first screen: the models on this phone. */
class MainActivity : Screen(R.layout.models) {
    override val hasBack = false
    private val library by lazy { ModelLibrary(applicationContext) }
    private val columns: AdaptiveColumns get() = findViewById(R.id.columns)
    private var cards = listOf<View>()
    private var note: Note? = null
    private lateinit var importing: Task<Note>

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        findViewById<TextView>(R.id.models_more_hint).text =
            getString(R.string.models_more_hint, ModelLibrary.PUSHED_FOLDER)
        findViewById<TextView>(R.id.loading_text).setText(R.string.models_loading)
        findViewById<View>(R.id.models_open).setOnClickListener { pick() }
        @Suppress("DEPRECATION")
        show(state?.getSerializable(NOTE) as Note?)
        @Suppress("UNCHECKED_CAST")
        importing = lastNonConfigurationInstance as Task<Note>? ?: Task()
        importing.observer = {
            tell(it)
            refresh()
        }
    }

    @Deprecated("Deprecated in Java")
    override fun onRetainNonConfigurationInstance(): Any = importing

    override fun onDestroy() {
        importing.observer = null
        super.onDestroy()
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putSerializable(NOTE, note)
    }

    override fun onStart() {
        super.onStart()
        refresh()
    }

    override fun onCreateOptionsMenu(menu: Menu): Boolean {
        menuInflater.inflate(R.menu.models, menu)
        return true
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        val screen =
            when (item.itemId) {
                R.id.models_photo -> PhotoActivity::class.java
                R.id.models_history -> HistoryActivity::class.java
                else -> return super.onOptionsItemSelected(item)
            }
        startActivity(Intent(this, screen))
        return true
    }

    /** Reads the files again: adb may have pushed some. */
    private fun refresh() = inBackground(library::list, ::show)

    private fun show(entries: List<ModelEntry>) {
        findViewById<View>(R.id.loading).visibility = View.GONE
        findViewById<View>(R.id.models_none).visibility =
            if (entries.isEmpty()) View.VISIBLE else View.GONE
        cards.forEach(columns::removeView)
        val maker = ModelCards(columns, { RunActivity.start(this, it.file) }, ::askToDelete)
        cards = entries.map(maker::make)
        val place = columns.indexOfChild(findViewById(R.id.models_more))
        cards.forEachIndexed { index, card -> columns.addView(card, place + index) }
    }

    private fun askToDelete(entry: ModelEntry) {
        AlertDialog
            .Builder(this)
            .setTitle(getString(R.string.models_delete_question, entry.file.name))
            .setMessage(R.string.models_delete_explanation)
            .setNegativeButton(R.string.cancel, null)
            .setPositiveButton(R.string.delete) { _, _ ->
                library.delete(entry)
                refresh()
            }.show()
    }

    private fun pick() {
        val intent =
            Intent(Intent.ACTION_OPEN_DOCUMENT).apply {
                addCategory(Intent.CATEGORY_OPENABLE)
                // There is no type for model files that all file managers know.
                type = "*/*"
            }
        try {
            startActivityForResult(intent, PICK)
        } catch (_: ActivityNotFoundException) {
            val advice =
                getString(R.string.model_picker_missing_advice, ModelLibrary.PUSHED_FOLDER)
            tell(Note(NoteKind.ERROR, getString(R.string.model_picker_missing), advice = advice))
        }
    }

    override fun onActivityResult(
        requestCode: Int,
        resultCode: Int,
        data: Intent?,
    ) {
        val uri = data?.data
        if (requestCode == PICK && resultCode == RESULT_OK && uri != null) add(uri)
    }

    private fun add(uri: Uri) {
        val models = ModelImport(applicationContext, library)
        // Not of this activity, which a turn of the phone ends.
        val resources = applicationContext.resources
        importing.start({ models.copy(uri) }, { it.toNote(resources) })
    }

    /** Shows what just happened. */
    private fun tell(note: Note?) {
        show(note)
        if (note != null) findViewById<View>(R.id.scroll).scrollTo(0, 0)
    }

    private fun show(note: Note?) {
        this.note = note
        val view = findViewById<View>(R.id.models_note)
        view.visibility = if (note == null) View.GONE else View.VISIBLE
        note?.show(view)
    }

    private companion object {
        const val PICK = 1
        const val NOTE = "note"
    }
}
