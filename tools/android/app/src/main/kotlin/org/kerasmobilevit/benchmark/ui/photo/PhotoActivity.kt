package org.kerasmobilevit.benchmark.ui.photo

import android.content.ActivityNotFoundException
import android.content.Intent
import android.graphics.Bitmap
import android.os.Bundle
import android.view.View
import android.widget.ImageView
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.FailureException
import org.kerasmobilevit.benchmark.engine.FailureKind
import org.kerasmobilevit.benchmark.engine.PhotoRequest
import org.kerasmobilevit.benchmark.engine.PhotoResult
import org.kerasmobilevit.benchmark.ui.common.AdaptiveColumns
import org.kerasmobilevit.benchmark.ui.common.Engine
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.benchmark.ui.common.Screen
import org.kerasmobilevit.benchmark.ui.common.Task
import org.kerasmobilevit.benchmark.ui.common.attempt
import org.kerasmobilevit.benchmark.ui.common.show
import org.kerasmobilevit.benchmark.ui.common.toNote
import org.kerasmobilevit.benchmark.ui.models.ModelEntry
import org.kerasmobilevit.benchmark.ui.models.ModelLibrary
import java.io.File
import java.io.IOException

/** What two models say of a photo. */
class PhotoActivity : Screen(R.layout.photo) {
    /** A photo, or why there is none. */
    private class Opened(
        val file: File,
        val photo: Bitmap?,
        val problem: Note?,
    )

    /** What outlives a turn of the phone. */
    private class Kept(
        val session: PhotoSession,
    ) {
        val opening = Task<Opened>()
        var photo: Bitmap? = null

        /** What is to be opened; what was chosen before it comes too late. */
        var file: File? = null

        /** Why there is no new photo. */
        var problem: Note? = null
    }

    private val source by lazy { PhotoSource(applicationContext) }
    private val answers by lazy { AnswersView(findViewById(R.id.columns)) }
    private lateinit var kept: Kept
    private lateinit var choice: ModelChoice
    private var models = listOf<ModelEntry>()

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        kept = lastNonConfigurationInstance as Kept? ?: Kept(PhotoSession(Engine.runs(this)))
        choice = ModelChoice(findViewById(R.id.photo_first), findViewById(R.id.photo_second), ::ask)
        choice.files = state?.getStringArrayList(CHOSEN).orEmpty()
        findViewById<TextView>(R.id.loading_text).setText(R.string.photo_running)
        findViewById<View>(R.id.photo_pick).setOnClickListener { pick() }
        findViewById<View>(R.id.photo_take).setOnClickListener { shoot() }
        findViewById<View>(R.id.photo_cancel).setOnClickListener { kept.session.cancel() }
        // Android may have ended the app while the camera was open.
        val hadPhoto = state?.getBoolean(HAD_PHOTO) ?: false
        if (hadPhoto && kept.photo == null) open(source.picture)
        inBackground({ ModelLibrary(this).list().filter { it.model != null } }, ::begin)
    }

    private fun begin(models: List<ModelEntry>) {
        this.models = models
        choice.show(models)
        if (models.isEmpty()) kept.problem = noModels()
        kept.session.observer = ::show
        kept.opening.observer = ::show
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean(HAD_PHOTO, kept.photo != null)
        state.putStringArrayList(CHOSEN, ArrayList(choice.files))
    }

    @Deprecated("Deprecated in Java")
    override fun onRetainNonConfigurationInstance(): Any = kept

    override fun onDestroy() {
        kept.session.observer = null
        kept.opening.observer = null
        if (!isChangingConfigurations) kept.session.close()
        super.onDestroy()
    }

    private fun pick() =
        launch(PICK, PhotoIntents.pick(), R.string.photo_no_picker, R.string.photo_no_picker_advice)

    private fun shoot() {
        val target =
            try {
                source.prepareShot()
            } catch (e: IOException) {
                return tell(unreadable(e))
            }
        val intent = PhotoIntents.shoot(target)
        launch(SHOOT, intent, R.string.photo_no_camera, R.string.photo_no_camera_advice)
    }

    private fun launch(
        code: Int,
        intent: Intent,
        title: Int,
        advice: Int,
    ) = try {
        startActivityForResult(intent, code)
    } catch (_: ActivityNotFoundException) {
        tell(problem(title, null, advice))
    }

    override fun onActivityResult(
        requestCode: Int,
        resultCode: Int,
        data: Intent?,
    ) {
        if (resultCode != RESULT_OK) return
        when (requestCode) {
            PICK -> data?.data?.let { uri -> openNext { source.take(uri, it) } }
            SHOOT -> if (source.hasShot) openNext(source::takeShot) else tell(noShot())
        }
    }

    /** Opens what [take] brings into a file. */
    private fun openNext(take: (File) -> Unit) {
        val file = source.next()
        open(file) { take(file) }
    }

    /** Decodes the photo after [take] brought it. */
    private fun open(
        file: File,
        take: () -> Unit = {},
    ) {
        kept.file = file
        kept.opening.start({
            take()
            Opened(file, source.preview(file), null)
        }, {
            Opened(file, null, explain(it))
        })
    }

    private fun explain(problem: Throwable): Note =
        when {
            problem is OutOfMemoryError -> {
                problem.toNote(resources)
            }

            problem !is FailureException -> {
                unreadable(problem)
            }

            problem.failure.kind == FailureKind.STORAGE -> {
                Note(
                    NoteKind.ERROR,
                    getString(R.string.photo_unreadable),
                    getString(R.string.photo_no_picture),
                    problem.failure.advice,
                )
            }

            else -> {
                problem.failure.toNote(resources)
            }
        }

    private fun show(opened: Opened) {
        if (opened.file != kept.file) return source.drop(opened.file)
        val problem = opened.problem ?: keep(opened.file)
        if (problem != null) source.drop(opened.file)
        kept.photo = if (problem == null) opened.photo else null
        answers.hide()
        showPhoto(kept.photo)
        tell(problem)
        if (problem == null) ask()
    }

    private fun keep(file: File): Note? =
        attempt { source.keep(file) }.exceptionOrNull()?.let(::unreadable)

    private fun ask() {
        if (kept.photo == null || choice.chosen.isEmpty()) return
        kept.session.start(PhotoRequest(choice.chosen.map { it.file }, source.picture))
    }

    private fun show(state: PhotoState) {
        showIf(R.id.photo_running, state is PhotoState.Running)
        val failure = (state as? PhotoState.Failed)?.failure
        show(kept.problem ?: failure?.toNote(resources))
        val photo = kept.photo
        val named = named((state as? PhotoState.Done)?.results.orEmpty())
        if (named.isNotEmpty() && photo != null) answers.show(photo, named) else answers.hide()
        showPhoto(photo)
    }

    /** Without the answers of models that are gone. */
    private fun named(answers: List<PhotoResult>): List<NamedAnswer> {
        val known =
            answers.mapNotNull { answer ->
                models.find { it.file == answer.model }?.model?.let { answer to it.info }
            }
        val recipes = known.map { (_, info) -> info.recipe }
        val names =
            // Recipes tell them apart, if they are not the same.
            if (recipes.distinct().size == recipes.size && recipes.all { it.isNotBlank() }) {
                recipes
            } else {
                known.map { (answer, _) -> answer.model.name }
            }
        return names.zip(known) { name, (answer, info) -> NamedAnswer(name, info, answer) }
    }

    private fun showPhoto(photo: Bitmap?) {
        // Boxes and masks are on photos of their own, side by side below the buttons.
        showIf(R.id.photo_preview, photo != null && !answers.hasOverlays)
        val card = findViewById<View>(R.id.photo_card)
        (card.layoutParams as AdaptiveColumns.LayoutParams).wide = answers.hasOverlays
        card.requestLayout()
        showIf(R.id.photo_empty, photo == null)
        findViewById<ImageView>(R.id.photo_preview).setImageBitmap(photo)
    }

    /** Shows why there is no photo, or null that there is one. */
    private fun tell(problem: Note?) {
        kept.problem = problem
        show(problem)
    }

    private fun show(note: Note?) {
        showIf(R.id.photo_note, note != null)
        note?.show(findViewById(R.id.photo_note))
        if (note != null) findViewById<View>(R.id.scroll).scrollTo(0, 0)
    }

    private fun unreadable(cause: Throwable) =
        problem(R.string.photo_unreadable, cause.message, R.string.photo_unreadable_advice)

    private fun noShot() = problem(R.string.photo_no_shot, null, R.string.photo_no_shot_advice)

    private fun noModels() =
        problem(R.string.photo_no_models, null, R.string.photo_no_models_advice)

    private fun problem(
        title: Int,
        message: String?,
        advice: Int,
    ) = Note(NoteKind.ERROR, getString(title), message, getString(advice))

    private fun showIf(
        id: Int,
        visible: Boolean,
    ) {
        findViewById<View>(id).visibility = if (visible) View.VISIBLE else View.GONE
    }

    private companion object {
        const val PICK = 1
        const val SHOOT = 2
        const val HAD_PHOTO = "had_photo"
        const val CHOSEN = "chosen"
    }
}
