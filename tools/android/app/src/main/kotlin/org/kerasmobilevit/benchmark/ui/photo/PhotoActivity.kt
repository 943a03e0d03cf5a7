package org.kerasmobilevit.benchmark.ui.photo

import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.Intent
import android.graphics.Bitmap
import android.net.Uri
import android.os.Bundle
import android.provider.MediaStore
import android.view.View
import android.widget.ImageView
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.engine.FailureException
import org.kerasmobilevit.benchmark.engine.PhotoRequest
import org.kerasmobilevit.benchmark.engine.PhotoResult
import org.kerasmobilevit.benchmark.engine.Photos
import org.kerasmobilevit.benchmark.ui.common.AdaptiveColumns
import org.kerasmobilevit.benchmark.ui.common.Engine
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import org.kerasmobilevit.benchmark.ui.common.Screen
import org.kerasmobilevit.benchmark.ui.common.show
import org.kerasmobilevit.benchmark.ui.common.toNote
import org.kerasmobilevit.benchmark.ui.models.ModelEntry
import org.kerasmobilevit.benchmark.ui.models.ModelLibrary
import java.io.IOException

/** What two models say of a photo. */
class PhotoActivity : Screen(R.layout.photo) {
    /** What outlives a turn of the phone. */
    private class Kept(
        val session: PhotoSession,
    ) {
        var photo: Bitmap? = null
    }

    private val source by lazy { PhotoSource(this) }
    private val answers by lazy { AnswersView(findViewById(R.id.columns)) }
    private lateinit var kept: Kept
    private lateinit var choice: ModelChoice
    private var models = listOf<ModelEntry>()
    private var hasPhoto = false

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        kept = lastNonConfigurationInstance as Kept? ?: Kept(PhotoSession(Engine.runs(this)))
        hasPhoto = state?.getBoolean(HAS_PHOTO) ?: false
        choice = ModelChoice(findViewById(R.id.photo_first), findViewById(R.id.photo_second), ::ask)
        findViewById<TextView>(R.id.loading_text).setText(R.string.photo_running)
        findViewById<View>(R.id.photo_pick).setOnClickListener { pick() }
        findViewById<View>(R.id.photo_take).setOnClickListener { shoot() }
        findViewById<View>(R.id.photo_cancel).setOnClickListener { kept.session.cancel() }
        val chosen = state?.getStringArrayList(CHOSEN).orEmpty()
        inBackground({ ModelLibrary(this).list().filter { it.model != null } }) { models ->
            this.models = models
            choice.show(models, chosen)
            if (models.isEmpty()) show(noModels())
            kept.session.observer = ::show
            if (hasPhoto && kept.photo == null) open()
        }
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean(HAS_PHOTO, hasPhoto)
        state.putStringArrayList(CHOSEN, ArrayList(choice.chosen.map { it.file.path }))
    }

    @Deprecated("Deprecated in Java")
    override fun onRetainNonConfigurationInstance(): Any = kept

    override fun onDestroy() {
        kept.session.observer = null
        if (!isChangingConfigurations) kept.session.close()
        super.onDestroy()
    }

    private fun pick() =
        launch(
            PICK,
            Intent(Intent.ACTION_OPEN_DOCUMENT).apply {
                addCategory(Intent.CATEGORY_OPENABLE)
                type = "image/*"
            },
            R.string.photo_no_picker,
            R.string.photo_no_picker_advice,
        )

    private fun shoot() {
        val target =
            try {
                source.prepareShot()
            } catch (e: IOException) {
                return show(storageProblem(e))
            }
        launch(
            SHOOT,
            Intent(MediaStore.ACTION_IMAGE_CAPTURE).apply {
                putExtra(MediaStore.EXTRA_OUTPUT, target)
                clipData = ClipData.newRawUri(null, target)
                addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
                addFlags(Intent.FLAG_GRANT_WRITE_URI_PERMISSION)
            },
            R.string.photo_no_camera,
            R.string.photo_no_camera_advice,
        )
    }

    private fun launch(
        code: Int,
        intent: Intent,
        title: Int,
        advice: Int,
    ) = try {
        startActivityForResult(intent, code)
    } catch (_: ActivityNotFoundException) {
        show(Note(NoteKind.ERROR, getString(title), advice = getString(advice)))
    }

    override fun onActivityResult(
        requestCode: Int,
        resultCode: Int,
        data: Intent?,
    ) {
        if (resultCode != RESULT_OK) return
        when (requestCode) {
            PICK -> data?.data?.let(::take)
            SHOOT -> if (source.takeShot()) open() else show(noShot())
        }
    }

    private fun take(uri: Uri) =
        inBackground({
            try {
                source.take(uri)
                null
            } catch (e: IOException) {
                storageProblem(e)
            } catch (e: SecurityException) {
                storageProblem(e)
            }
        }) { problem ->
            if (problem == null) open() else show(problem)
        }

    /** Decodes the photo, then asks the models. */
    private fun open() {
        show(null as Note?)
        inBackground({ preview() }) { (photo, problem) ->
            hasPhoto = photo != null
            kept.photo = photo
            answers.hide()
            showPhoto(photo)
            if (problem == null) ask() else show(problem)
        }
    }

    private fun preview(): Pair<Bitmap?, Note?> =
        try {
            val photo = Photos.decode(source.picture)
            val scale = MOST_SIDE / maxOf(photo.width, photo.height).toFloat()
            val small =
                if (scale >= 1) {
                    photo
                } else {
                    val width = maxOf(1, (photo.width * scale).toInt())
                    val height = maxOf(1, (photo.height * scale).toInt())
                    Bitmap.createScaledBitmap(photo, width, height, true)
                }
            small to null
        } catch (e: FailureException) {
            null to e.failure.toNote(resources)
        }

    private fun ask() {
        if (kept.photo == null || choice.chosen.isEmpty()) return
        kept.session.start(PhotoRequest(choice.chosen.map { it.file }, source.picture))
    }

    private fun show(state: PhotoState) {
        showIf(R.id.photo_running, state is PhotoState.Running)
        show((state as? PhotoState.Failed)?.failure?.toNote(resources))
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
        // Recipes tell them apart, if they are not the same.
        val names =
            if (recipes.distinct().size == recipes.size &&
                recipes.all { it.isNotBlank() }
            ) {
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

    private fun show(note: Note?) {
        showIf(R.id.photo_note, note != null)
        note?.show(findViewById(R.id.photo_note))
        if (note != null) findViewById<View>(R.id.scroll).scrollTo(0, 0)
    }

    private fun storageProblem(problem: Exception) =
        Note(
            NoteKind.ERROR,
            getString(R.string.photo_unreadable),
            problem.message,
            getString(R.string.photo_unreadable_advice),
        )

    private fun noShot() =
        Note(
            NoteKind.ERROR,
            getString(R.string.photo_no_shot),
            advice = getString(R.string.photo_no_shot_advice),
        )

    private fun noModels() =
        Note(
            NoteKind.ERROR,
            getString(R.string.photo_no_models),
            advice = getString(R.string.photo_no_models_advice),
        )

    private fun showIf(
        id: Int,
        visible: Boolean,
    ) {
        findViewById<View>(id).visibility = if (visible) View.VISIBLE else View.GONE
    }

    private companion object {
        const val PICK = 1
        const val SHOOT = 2
        const val HAS_PHOTO = "has_photo"
        const val CHOSEN = "chosen"

        /** Of the picture on the screen, in pixels. */
        const val MOST_SIDE = 1600
    }
}
