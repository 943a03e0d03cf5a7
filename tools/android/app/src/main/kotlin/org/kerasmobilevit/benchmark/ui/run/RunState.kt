package org.kerasmobilevit.benchmark.ui.run

import org.kerasmobilevit.benchmark.engine.Failure
import java.io.File

/** How far a run is. */
sealed interface RunState {
    /** Not started: the options are shown. */
    data object Idle : RunState

    /** The model is loaded and warmed up. */
    data object Preparing : RunState

    data class Waiting(
        val headroom: Double,
        val limit: Double,
    ) : RunState

    data class Measuring(
        val done: Int,
        val total: Int,
    ) : RunState

    data class Finished(
        val result: File,
    ) : RunState

    data class Failed(
        val failure: Failure,
    ) : RunState

    val isActive: Boolean get() = this is Preparing || this is Waiting || this is Measuring
}
