package org.kerasmobilevit.core

import java.io.File
import java.io.IOException
import java.io.RandomAccessFile

/**
 * What a `.tflite` file of keras_mobilevit says of itself.
 *
 * @property info its description; `info.image` has the size of the input even where the description
 *   does not state it.
 * @property signature name of its signature; empty if it has none.
 * @property input the one input, a picture `(1, height, width, channels)`.
 * @property outputs outputs of the graph, in its order.
 * @property sizeBytes size of the file.
 * @property sha256 hash of the file, 64 lower-case hexadecimal digits.
 */
class ModelFile internal constructor(
    val info: ModelInfo,
    val signature: String,
    val input: TensorSpec,
    val outputs: List<TensorSpec>,
    val sizeBytes: Long,
    val sha256: String,
) {
    /** Inputs of the graph, of which there is one. */
    val inputs: List<TensorSpec> get() = listOf(input)

    /** Height of the input in pixels. */
    val height: Int get() = input.shape[1]

    /** Width of the input in pixels. */
    val width: Int get() = input.shape[2]

    /** Channels of the input. */
    val channels: Int get() = input.shape[3]

    companion object {
        // Far more than 100,000 labels need; parsed, it takes about thirty times as much memory.
        private const val MAX_TEXT_BYTES = 1 shl 22
        private const val DESCRIPTION = "model_info.json"
        private const val DESCRIPTION_OF_VERSION_1 = "keras_mobilevit.json"
        private const val LABELS = "labels.txt"

        /**
         * Reads a file, which need not be trusted. The weights are not loaded.
         *
         * @throws ModelFileException if it cannot be read, is no `.tflite` file, is damaged, is not
         *   one of keras_mobilevit, or does not take one picture of fixed size.
         */
        fun read(file: File): ModelFile {
            try {
                RandomAccessFile(file, "r").use { return read(FileBytes(it)) }
            } catch (error: IOException) {
                throw ModelFileException(
                    "The file cannot be read: ${error.message}",
                    "Choose the file again, or copy it to the device again.",
                    ModelFileProblem.UNREADABLE,
                    error,
                )
            }
        }

        private fun read(bytes: FileBytes): ModelFile {
            val graph = Graph.read(bytes)
            val info = readInfo(bytes)
            val input = imageInput(graph.inputs)
            val image = info.image.copy(height = input.shape[1], width = input.shape[2])
            return ModelFile(
                info.copy(image = image),
                graph.signature,
                input,
                graph.outputs,
                bytes.size,
                bytes.sha256(),
            )
        }

        private fun readInfo(bytes: FileBytes): ModelInfo {
            val archive = AppendedZip.find(bytes)
            archive?.read(DESCRIPTION, MAX_TEXT_BYTES)?.let { return ModelInfo.fromJson(it) }
            val json =
                archive?.read(DESCRIPTION_OF_VERSION_1, MAX_TEXT_BYTES)
                    ?: throw ModelFileException(
                        "Expected a file with a description by keras_mobilevit. Received: a " +
                            ".tflite file without one",
                        "Export the model with keras_mobilevit, which tells this app how to use " +
                            "it. If it was, copy the file again: its end is missing.",
                        ModelFileProblem.NOT_OURS,
                    )
            val labels =
                archive.read(LABELS, MAX_TEXT_BYTES)
                    ?: throw damaged("Expected $LABELS in the file. Received: none")
            return ModelInfo.fromJson(json, labels.lines().dropLastWhile { it.isEmpty() })
        }

        private fun imageInput(inputs: List<TensorSpec>): TensorSpec {
            val input = inputs.singleOrNull()
            if (input == null || input.shape.size != 4 || input.shape[0] != 1 ||
                input.shape[3] !in 1..4
            ) {
                throw unsupported(
                    "Expected one input (1, height, width, channels) with 1 to 4 channels. " +
                        "Received: ${inputs.map { it.shape }}",
                )
            }
            return input
        }
    }
}
