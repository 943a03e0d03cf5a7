package org.kerasmobilevit.core

/**
 * Inputs and outputs of the graph in a `.tflite` file.
 *
 * Numbers of fields are those of LiteRT's `schema.fbs`.
 */
internal class Graph(
    val signature: String,
    val inputs: List<TensorSpec>,
    val outputs: List<TensorSpec>,
) {
    companion object {
        private const val IDENTIFIER = "TFL3"
        private const val MAX_RANK = 8
        private const val MAX_VALUES = 1L shl 28

        // Codes of the schema's `TensorType`.
        private val DTYPES =
            mapOf(
                0 to DType.FLOAT32,
                2 to DType.INT32,
                3 to DType.UINT8,
                4 to DType.INT64,
                6 to DType.BOOL,
                7 to DType.INT16,
                9 to DType.INT8,
            )

        /** @throws ModelFileException if it is no TFLite file, damaged, or not supported. */
        fun read(bytes: FileBytes): Graph {
            if (bytes.size < 8 || bytes.copy(4, 4).decodeToString() != IDENTIFIER) {
                throw ModelFileException(
                    "Expected a .tflite file, which has '$IDENTIFIER' at byte 4. Received: " +
                        "another one, of ${bytes.size} bytes",
                    "Choose a .tflite file that keras_mobilevit exported.",
                    ModelFileProblem.NOT_OURS,
                )
            }
            val model = FlatTable.root(bytes)
            val graph = model.tables(2)[0]
            val signature = firstSignature(model)
            val tensors = graph.tables(0)

            fun specs(
                indices: List<Int>,
                names: Map<Int, String>,
            ) = indices.map { spec(tensors[it], names[it]) }
            return Graph(
                signature?.text(2) ?: "",
                specs(graph.ints(1), names(signature, 0)),
                specs(graph.ints(2), names(signature, 1)),
            )
        }

        /** The first signature of the first subgraph. */
        private fun firstSignature(model: FlatTable): FlatTable? =
            model.tables(7).toList().firstOrNull { it.uint(4) == 0L }

        /** Index of a tensor to its name in a signature. */
        private fun names(
            signature: FlatTable?,
            field: Int,
        ): Map<Int, String> =
            signature?.tables(field)?.toList().orEmpty().associate {
                it.uint(1).toInt() to it.text(0)
            }

        private fun spec(
            tensor: FlatTable,
            signatureName: String?,
        ): TensorSpec {
            val name = signatureName ?: tensor.text(3)
            val code = tensor.byte(1, 0)
            val dtype =
                DTYPES[code]
                    ?: throw unsupported(
                        "Expected numbers of a type in ${DType.entries.map { it.key }}. " +
                            "Received: the tensor '$name' of type $code",
                    )
            val shape = tensor.ints(0)
            if (shape.size > MAX_RANK || shape.any { it < 1 } || countOf(shape) > MAX_VALUES) {
                throw damaged("Expected a shape of whole numbers. Received: $shape of '$name'")
            }
            val quantization = tensor.table(4)
            val scale = quantization?.floats(2)?.singleOrNull() ?: 0f
            if (dtype == DType.FLOAT32 || scale == 0f) return TensorSpec(name, dtype, shape)
            val zeroPoint = quantization?.longs(3)?.firstOrNull() ?: 0
            if (!(scale > 0 && scale.isFinite()) || zeroPoint !in -32768..65535) {
                throw damaged(
                    "Expected a scale above 0 and a zero point. Received: $scale and $zeroPoint " +
                        "of '$name'",
                )
            }
            return TensorSpec(name, dtype, shape, scale, zeroPoint.toInt())
        }

        // Of at most 8 sides: as soon as it is too large, it stays too large.
        private fun countOf(shape: List<Int>): Long =
            shape.fold(1L) { count, side -> minOf(count * side, MAX_VALUES + 1) }
    }
}
