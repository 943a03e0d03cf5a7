package org.kerasmobilevit.core

import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.util.Random

class FuzzTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test(timeout = 60_000)
    fun damagedFilesAreRefusedOrRead() {
        var refused = 0
        for (name in listOf("raw_int8", "v1_classifier_int8")) {
            val original = Fixtures.bytes("models/$name.tflite")
            val random = Random(0)
            repeat(300) { round ->
                val file = folder.newFile()
                file.writeBytes(mutated(original, random))
                try {
                    use(ModelFile.read(file))
                } catch (error: ModelFileException) {
                    refused++
                } catch (error: Throwable) {
                    throw AssertionError("$name, round $round", error)
                }
                file.delete()
            }
        }
        // Most bytes are weights, but half of the changes are aimed at the rest.
        assertTrue("$refused refused", refused in 100..550)
    }

    /** What an app does with a file before it runs it. */
    private fun use(model: ModelFile) {
        SelfTest.input(model.info.image, model.input)
        val outputs = model.outputs.map { it to zeros(it) }
        SelfTest.check(model.info, outputs.associateBy { it.first.name })
        OutputDecoder.decode(model.info, model.outputs, outputs.map { it.second })
    }

    private fun zeros(tensor: TensorSpec): TensorData =
        when (tensor.dtype) {
            DType.FLOAT32 -> TensorData.Floats(FloatArray(tensor.size))
            DType.INT8, DType.UINT8 -> TensorData.Bytes(ByteArray(tensor.size))
            DType.INT16, DType.INT32 -> TensorData.Ints(IntArray(tensor.size))
            DType.INT64 -> TensorData.Longs(LongArray(tensor.size))
            DType.BOOL -> TensorData.Booleans(BooleanArray(tensor.size))
        }

    private fun mutated(
        original: ByteArray,
        random: Random,
    ): ByteArray {
        val bytes = original.copyOf()
        // The tables of the graph stand at its ends, and the archive behind it.
        val ends = 3000
        repeat(1 + random.nextInt(4)) {
            val at =
                when (random.nextInt(3)) {
                    0 -> random.nextInt(ends)
                    1 -> bytes.size - 1 - random.nextInt(5 * ends)
                    else -> random.nextInt(bytes.size)
                }
            when (random.nextInt(4)) {
                0 -> bytes[at] = random.nextInt().toByte()
                1 -> bytes[at] = (bytes[at].toInt() xor (1 shl random.nextInt(8))).toByte()
                2 -> bytes.fill(-1, at, minOf(at + 4, bytes.size))
                else -> bytes.fill(0, at, minOf(at + 1 + random.nextInt(64), bytes.size))
            }
        }
        return when (random.nextInt(8)) {
            0 -> bytes.copyOf(random.nextInt(bytes.size))
            1 -> bytes + ByteArray(random.nextInt(100)) { random.nextInt().toByte() }
            else -> bytes
        }
    }
}
