package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.BenchmarkOptions
import org.kerasmobilevit.core.Prediction
import java.io.File

/**
 * One measurement of one file.
 *
 * @property ignoreHeat whether to measure however hot the phone is.
 */
data class RunRequest(
    val model: File,
    val options: BenchmarkOptions,
    val ignoreHeat: Boolean = false,
)

/**
 * What some models say of one picture, on the CPU.
 *
 * @property picture JPEG, PNG or another form that Android decodes; see [Photos].
 * @property threads of the CPU; null for the number of big cores.
 */
data class PhotoRequest(
    val models: List<File>,
    val picture: File,
    val threads: Int? = null,
)

/**
 * What one model says of a picture.
 *
 * @property ms of the inference alone, after one that warms up.
 */
data class PhotoResult(
    val model: File,
    val prediction: Prediction,
    val ms: Double,
)
