package org.kerasmobilevit.benchmark.ui.models

import android.content.Context
import android.net.Uri
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.benchmark.ui.common.Format
import org.kerasmobilevit.benchmark.ui.common.Note
import org.kerasmobilevit.benchmark.ui.common.NoteKind
import java.io.File
import java.io.IOException

/** Copies what the user opens into the list of models, and says how that went. */
class ModelImport(
    private val context: Context,
    private val library: ModelLibrary,
) {
    /** Takes a while. What is no model is not kept. */
    fun copy(uri: Uri): Note {
        val name = library.nameOf(uri)
        return try {
            check(library.copy(uri), name)
        } catch (e: IOException) {
            copyProblem(name, e)
        } catch (
            // Providers are programs of others.
            @Suppress("TooGenericExceptionCaught") e: RuntimeException,
        ) {
            copyProblem(name, e)
        }
    }

    private fun check(
        file: File,
        name: String,
    ): Note {
        val problem = ModelEntry.read(file, ModelSource.OPENED).problem
        if (problem == null) {
            return Note(NoteKind.GOOD, context.getString(R.string.models_copied, file.name))
        }
        file.delete()
        val title = context.getString(R.string.model_bad_title, name)
        return Note(NoteKind.ERROR, title, problem.message, problem.advice)
    }

    private fun copyProblem(
        name: String,
        problem: Exception,
    ): Note {
        val title = context.getString(R.string.model_copy_failed, name)
        if (problem !is FileTooLargeException) {
            val advice = context.getString(R.string.model_copy_failed_advice)
            val message = problem.message ?: problem.javaClass.simpleName
            return Note(NoteKind.ERROR, title, message, advice)
        }
        val limit = Format(context.resources).megabytes(problem.limit)
        return Note(
            NoteKind.ERROR,
            title,
            context.getString(R.string.model_file_too_large, limit),
            context.getString(R.string.model_file_too_large_advice),
        )
    }
}
