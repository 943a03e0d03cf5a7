package org.kerasmobilevit.benchmark.engine

import com.google.ai.edge.litert.TensorBuffer
import org.kerasmobilevit.core.DType
import org.kerasmobilevit.core.TensorData
import org.kerasmobilevit.core.TensorSpec

/** Values to and from the runtime's buffers, by the type of the tensor. */
internal object TensorBuffers {
    /** @throws FailureException if LiteRT's Kotlin API has no call for one of the types. */
    fun check(specs: List<TensorSpec>) {
        specs.firstOrNull { it.dtype == DType.INT16 }?.let { spec ->
            throw FailureException(
                Failure(
                    FailureKind.UNSUPPORTED,
                    "Expected float32, int8, uint8, int32, int64 or bool. Received: " +
                        "${spec.dtype.key} of ${spec.name}",
                    "Export it with inputs and outputs in float32.",
                ),
            )
        }
    }

    fun write(
        buffer: TensorBuffer,
        spec: TensorSpec,
        values: TensorData,
    ) {
        require(values.size == spec.size) {
            "Expected ${spec.size} values for ${spec.name}. Received: ${values.size}"
        }
        when (values) {
            is TensorData.Floats -> buffer.writeFloat(values.values)
            is TensorData.Bytes -> buffer.writeInt8(values.values)
            is TensorData.Ints -> buffer.writeInt(values.values)
            is TensorData.Longs -> buffer.writeLong(values.values)
            is TensorData.Booleans -> buffer.writeBoolean(values.values)
        }
    }

    fun read(
        buffer: TensorBuffer,
        spec: TensorSpec,
    ): TensorData =
        when (spec.dtype) {
            DType.FLOAT32 -> TensorData.Floats(buffer.readFloat())

            // The API knows no uint8, but its bytes are the same.
            DType.INT8, DType.UINT8 -> TensorData.Bytes(buffer.readInt8())

            DType.INT32, DType.INT16 -> TensorData.Ints(buffer.readInt())

            DType.INT64 -> TensorData.Longs(buffer.readLong())

            DType.BOOL -> TensorData.Booleans(buffer.readBoolean())
        }
}
