package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.ModelFile
import java.io.File

/** Opens model files, with failures for people. */
internal object ModelFiles {
    /** @throws FailureException if it is missing, or none of ours. */
    fun read(file: File): ModelFile {
        if (!file.isFile || !file.canRead()) {
            throw FailureException(Failures.missingFile(file.path))
        }
        return ModelFile.read(file)
    }
}
