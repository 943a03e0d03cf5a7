package org.kerasmobilevit.core

import java.io.File

/**
 * What a `.tflite` file of keras_mobilevit says of itself.
 *
 * @property info its description.
 * @property signature name of its signature; empty if it has none.
 * @property inputs inputs of the graph, in its order.
 * @property outputs outputs of the graph, in its order.
 * @property sizeBytes size of the file.
 * @property sha256 hash of the file, 64 lower-case hexadecimal digits.
 */
class ModelFile(
    val info: ModelInfo,
    val signature: String,
    val inputs: List<TensorSpec>,
    val outputs: List<TensorSpec>,
    val sizeBytes: Long,
    val sha256: String,
) {
    /** The one input, a picture `(1, height, width, channels)`. */
    val imageInput: TensorSpec get() = inputs.single()

    companion object {
        /**
         * Reads a file, which need not be trusted. The graph itself is not loaded.
         *
         * @throws ModelFileException if it cannot be read, is no `.tflite` file, is damaged, or is
         *   not one of keras_mobilevit.
         */
        fun read(file: File): ModelFile = TODO()
    }
}
