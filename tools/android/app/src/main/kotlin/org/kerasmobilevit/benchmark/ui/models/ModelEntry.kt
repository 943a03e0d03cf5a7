package org.kerasmobilevit.benchmark.ui.models

import org.kerasmobilevit.benchmark.engine.Failure
import org.kerasmobilevit.benchmark.engine.Failures
import org.kerasmobilevit.core.ModelFile
import org.kerasmobilevit.core.ModelFileException
import java.io.File

/** How a model came to the phone. */
enum class ModelSource { BUNDLED, OPENED, PUSHED }

/**
 * A file in the list of models.
 *
 * @property model what it says of itself; null if it cannot be used.
 * @property problem why it cannot be used.
 */
class ModelEntry(
    val file: File,
    val source: ModelSource,
    val model: ModelFile?,
    val problem: Failure?,
) {
    companion object {
        /** Reads a file, whatever it is. */
        fun read(
            file: File,
            source: ModelSource,
        ): ModelEntry =
            try {
                ModelEntry(file, source, ModelFile.read(file), null)
            } catch (problem: ModelFileException) {
                ModelEntry(file, source, null, Failures.of(problem))
            } catch (problem: OutOfMemoryError) {
                ModelEntry(file, source, null, Failures.of(problem))
            }
    }
}
