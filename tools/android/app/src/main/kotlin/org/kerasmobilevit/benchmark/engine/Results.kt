package org.kerasmobilevit.benchmark.engine

import android.content.Context
import org.kerasmobilevit.core.ResultDocument
import java.io.File

/** The history: a folder with one document for each run. */
class Results(
    private val folder: File,
) {
    constructor(context: Context) : this(File(context.filesDir, "results"))

    /**
     * Writes a document, wholly or not at all.
     *
     * @return its file, whose name begins with the time.
     * @throws FailureException if there is no space.
     */
    fun write(document: ResultDocument): File = TODO()

    /** Files of all runs, the newest first. */
    fun files(): List<File> = TODO()
}
