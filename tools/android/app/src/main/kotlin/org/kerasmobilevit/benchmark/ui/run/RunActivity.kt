package org.kerasmobilevit.benchmark.ui.run

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.view.View
import android.view.ViewGroup
import android.view.WindowManager
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.FailureKind
import org.kerasmobilevit.benchmark.engine.RunRequest
import org.kerasmobilevit.benchmark.ui.common.Engine
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.benchmark.ui.common.Screen
import org.kerasmobilevit.benchmark.ui.common.inflate
import org.kerasmobilevit.benchmark.ui.common.toNote
import org.kerasmobilevit.benchmark.ui.result.ResultActivity
import java.io.File

/** Options of a run, its progress, and what went wrong. */
class RunActivity : Screen(R.layout.run) {
    private val model by lazy { File(intent.getStringExtra(MODEL).orEmpty()) }
    private val device by lazy { DeviceState(this) }
    private lateinit var form: RunForm
    private lateinit var progress: RunProgress
    private lateinit var session: RunSession

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        toolbar.subtitle = model.name
        form = RunForm(this, device.bigCores, device.cores, device.mayTellHeadroom)
        progress = RunProgress(findViewById(R.id.run_progress))
        session = lastNonConfigurationInstance as RunSession? ?: RunSession(Engine.runs(this))
        findViewById<View>(R.id.run_start).setOnClickListener { start() }
        findViewById<View>(R.id.run_cancel).setOnClickListener { session.cancel() }
        findViewById<View>(R.id.run_anyway).setOnClickListener { session.startAnyway() }
    }

    override fun onPostCreate(state: Bundle?) {
        super.onPostCreate(state)
        form.update()
    }

    override fun onResume() {
        super.onResume()
        session.observer = ::show
    }

    override fun onPause() {
        session.observer = null
        super.onPause()
    }

    @Deprecated("Deprecated in Java")
    override fun onRetainNonConfigurationInstance(): Any = session

    override fun onDestroy() {
        if (!isChangingConfigurations) session.close()
        super.onDestroy()
    }

    private fun start() {
        val options = form.read() ?: return
        session.start(RunRequest(model, options, ignoreHeat = false))
    }

    private fun show(state: RunState) {
        if (state is RunState.Finished) {
            session.reset()
            ResultActivity.start(this, state.result)
            return
        }
        val failure = (state as? RunState.Failed)?.failure
        val isHot = state is RunState.Waiting || failure?.kind == FailureKind.TOO_HOT
        showNotes(warnings() + listOfNotNull(failure?.toNote(resources)))
        showIf(R.id.run_progress, state.isActive)
        for (card in CARDS) showIf(card, !state.isActive)
        showIf(R.id.run_start, !state.isActive)
        showIf(R.id.run_cancel, state.isActive)
        showIf(R.id.run_anyway, isHot)
        progress.show(state)
        if (failure != null) findViewById<View>(R.id.scroll).scrollTo(0, 0)
        keepScreenOn(state.isActive)
    }

    private fun warnings(): List<Note> =
        buildList {
            if (!model.exists()) {
                val advice = getString(R.string.run_no_model_advice)
                add(Note(NoteKind.ERROR, getString(R.string.run_no_model), model.path, advice))
            }
            if (device.isSaverOn) {
                add(
                    warning(
                        R.string.run_saver,
                        R.string.run_saver_message,
                        R.string.run_saver_advice,
                    ),
                )
            }
            if (device.isDebugBuild) {
                add(
                    warning(
                        R.string.run_debug,
                        R.string.run_debug_message,
                        R.string.run_debug_advice,
                    ),
                )
            }
        }

    private fun warning(
        title: Int,
        message: Int,
        advice: Int,
    ) = Note(NoteKind.WARNING, getString(title), getString(message), getString(advice))

    private var shown = listOf<Note>()

    private fun showNotes(notes: List<Note>) {
        val list = findViewById<ViewGroup>(R.id.run_notes)
        list.visibility = if (notes.isEmpty()) View.GONE else View.VISIBLE
        // TalkBack would read them again.
        if (notes == shown && list.childCount > 0) return
        shown = notes
        list.removeAllViews()
        notes.forEach { list.addView(it.inflate(list)) }
    }

    private fun showIf(
        id: Int,
        visible: Boolean,
    ) {
        findViewById<View>(id).visibility = if (visible) View.VISIBLE else View.GONE
    }

    private fun keepScreenOn(on: Boolean) {
        val flag = WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON
        if (on) window.addFlags(flag) else window.clearFlags(flag)
    }

    companion object {
        private const val MODEL = "model"
        private val CARDS =
            listOf(R.id.run_card_accelerator, R.id.run_card_length, R.id.run_card_heat)

        /** Opens the options for a file. */
        fun start(
            from: Activity,
            model: File,
        ) = from.startActivity(
            Intent(from, RunActivity::class.java).putExtra(MODEL, model.path),
        )
    }
}
