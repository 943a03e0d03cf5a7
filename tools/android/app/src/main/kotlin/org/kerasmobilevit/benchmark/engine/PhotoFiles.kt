package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.DType
import org.kerasmobilevit.core.OutputDecoder
import org.kerasmobilevit.core.TensorData
import org.kerasmobilevit.core.TensorSpec
import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.File

/** Outputs of [PhotoJob] in a file, as they are too large for a message. */
internal object PhotoFiles {
    fun write(
        file: File,
        outputs: List<PhotoOutputs>,
    ) {
        file.parentFile?.mkdirs()
        DataOutputStream(file.outputStream().buffered()).use { stream ->
            stream.writeInt(outputs.size)
            for (output in outputs) {
                stream.writeUTF(output.model.path)
                stream.writeDouble(output.ms)
                output.values.forEach { write(stream, it) }
            }
        }
    }

    /** @throws Exception see [Failures]. */
    fun read(file: File): List<PhotoResult> =
        DataInputStream(file.inputStream().buffered()).use { stream ->
            List(stream.readInt()) {
                val model = File(stream.readUTF())
                val ms = stream.readDouble()
                val description = ModelFiles.read(model)
                val values = description.outputs.map { read(stream, it) }
                PhotoResult(
                    model,
                    OutputDecoder.decode(description.info, description.outputs, values),
                    ms,
                )
            }
        }

    private fun write(
        stream: DataOutputStream,
        values: TensorData,
    ) = when (values) {
        is TensorData.Floats -> values.values.forEach(stream::writeFloat)
        is TensorData.Bytes -> stream.write(values.values)
        is TensorData.Ints -> values.values.forEach(stream::writeInt)
        is TensorData.Longs -> values.values.forEach(stream::writeLong)
        is TensorData.Booleans -> values.values.forEach(stream::writeBoolean)
    }

    private fun read(
        stream: DataInputStream,
        spec: TensorSpec,
    ): TensorData =
        when (spec.dtype) {
            DType.FLOAT32 -> {
                TensorData.Floats(FloatArray(spec.size) { stream.readFloat() })
            }

            DType.INT8, DType.UINT8 -> {
                TensorData.Bytes(
                    ByteArray(spec.size).also(stream::readFully),
                )
            }

            DType.INT32, DType.INT16 -> {
                TensorData.Ints(IntArray(spec.size) { stream.readInt() })
            }

            DType.INT64 -> {
                TensorData.Longs(LongArray(spec.size) { stream.readLong() })
            }

            DType.BOOL -> {
                TensorData.Booleans(BooleanArray(spec.size) { stream.readBoolean() })
            }
        }
}
