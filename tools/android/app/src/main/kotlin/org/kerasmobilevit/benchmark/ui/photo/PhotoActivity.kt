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
import org.kerasmobilevit.benchmark.engine.PhotoRequest
import org.kerasmobilevit.benchmark.engine.PhotoResult
import org.kerasmobilevit.benchmark.ui.common.AdaptiveColumns
import org.kerasmobilevit.benchmark.ui.common.Engine
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.benchmark.ui.common.Screen
import org.kerasmobilevit.benchmark.ui.common.Task
import org.kerasmobilevit.benchmark.ui.common.show
import org.kerasmobilevit.benchmark.ui.common.toNote
import org.kerasmobilevit.benchmark.ui.models.ModelEntry
import org.kerasmobilevit.benchmark.ui.models.ModelLibrary
import java.io.IOException

/** What two models say of a photo. */
class PhotoActivity : Screen(R.layout.photo) {
    /** A photo, or why there is none. */
    private class Opened(
        val photo: Bitmap?,
        val problem: Note?,
    )

    /** What outlives a turn of the phone. */
    private class Kept(
        val session: PhotoSession,
    ) {
        val opening = Task<Opened>()
        var photo: Bitmap? = null

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
        if (hadPhoto && kept.photo == null) open()
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
            PICK -> data?.data?.let { open { source.take(it) } }
            SHOOT -> if (source.takeShot()) open() else tell(noShot())
        }
    }

    /** Decodes the photo after [take] brought it. */
    private fun open(take: () -> Unit = {}) =
        kept.opening.start {
            try {
                take()
                Opened(source.preview(), null)
            } catch (e: IOException) {
                Opened(null, unreadable(e))
            } catch (e: SecurityException) {
                Opened(null, unreadable(e))
            } catch (e: FailureException) {
                Opened(null, e.failure.toNote(resources))
            }
        }

    private fun show(opened: Opened) {
        kept.photo = opened.photo
        answers.hide()
        showPhoto(opened.photo)
        tell(opened.problem)
        if (opened.problem == null) ask()
    }

    private fun ask() {
        if (kept.photo == null || choice.chosen.isEmpty()) return
        kept.session.start(PhotoRequest(choice.chosen.map { it.file }, source.picture))
    }

    private fun show(state: PhotoState) {
        showIf(R.id.photo_running, state is PhotoState.Running)
        val failure = (state as? PhotoState.Failed)?.failure
        show(kept.problem ?: failure?.toNote(resources))
        val photo = kept.photo
        if (state is PhotoState.Done && photo != null) {
            answers.show(photo, named(state.results))
        } else {
            answers.hide()
        }
        showPhoto(photo)
    }

    private fun named(results: List<PhotoResult>): List<NamedAnswer> {
        val infos =
            results.map { result ->
                checkNotNull(models.find { it.file == result.model }?.model).info
            }
        val recipes = infos.map { it.recipe }
        val names =
            // Recipes tell them apart, if they are not the same.
            if (recipes.distinct().size == recipes.size && recipes.all { it.isNotBlank() }) {
                recipes
            } else {
                results.map { it.model.name }
            }
        return results.indices.map { NamedAnswer(names[it], infos[it], results[it]) }
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

    private fun unreadable(cause: Exception) =
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
