package com.google.ai.edge.litert

import com.google.ai.edge.litert.host.isFullyAccelerated
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** The desktop's runtime, against what Python's interpreter gave for the same files. */
class CompiledModelTest {
    private val folder = File(checkNotNull(System.getProperty("fixtures")), "engine")
    private val side = 96

    /** The input of the self-test: specified in MODEL_INFO.md. */
    private val pixels =
        IntArray(side * side * 3) { index ->
            val (y, x, c) = Triple(index / 3 / side, index / 3 % side, index % 3)
            val t = (512 * x / side * (c + 1) + 384 * y / side + 64 * c) % 512
            minOf(t, 511 - t)
        }

    private fun open(
        name: String,
        threads: Int = 1,
    ): CompiledModel {
        val options = CompiledModel.Options(Accelerator.CPU)
        options.cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
        return CompiledModel.create(File(folder, name).path, options)
    }

    /** What two forms of run give for one input: the same. */
    private fun <T> CompiledModel.answers(
        write: (TensorBuffer) -> Unit,
        read: (TensorBuffer) -> T,
    ): List<T> =
        createInputBuffer("image").use { input ->
            createOutputBuffer("output").use { output ->
                write(input)
                run(listOf(input), listOf(output))
                val byIndex = read(output)
                run(mapOf("image" to input), mapOf("output" to output))
                listOf(byIndex, read(output))
            }
        }

    private fun CompiledModel.answer(values: FloatArray) =
        answers({ it.writeFloat(values) }, { it.readFloat() }).let { (first, second) ->
            assertArrayEquals(first, second, 0f)
            first
        }

    private fun floats(file: String): FloatArray {
        val bytes = ByteBuffer.wrap(File(folder, file).readBytes()).order(ByteOrder.LITTLE_ENDIAN)
        return FloatArray(bytes.remaining() / 4) { bytes.getFloat() }
    }

    @Test
    fun `float outputs are those of Python to the bit, with 1 and 2 threads`() {
        val values = FloatArray(pixels.size) { pixels[it].toFloat() }
        for (name in listOf("float32", "int8")) {
            for (threads in listOf(1, 2)) {
                open("$name.tflite", threads).use { model ->
                    assertArrayEquals(floats("$name.output"), model.answer(values), 0f)
                    assertFalse(
                        floats("$name.output").contentEquals(
                            model.answer(values.reversedArray()),
                        ),
                    )
                    assertTrue(model.isFullyAccelerated())
                }
            }
        }
    }

    @Test
    fun `int8 outputs are those of Python to the bit, with 1 and 2 threads`() {
        val values = ByteArray(pixels.size) { (pixels[it] - 128).toByte() }
        val expected = File(folder, "int8_full.output").readBytes()
        for (threads in listOf(1, 2)) {
            open("int8_full.tflite", threads).use { model ->
                val received = model.answers({ it.writeInt8(values) }, { it.readInt8() })
                received.forEach { assertArrayEquals(expected, it) }
                assertEquals(
                    TensorType(TensorType.ElementType.INT8, TensorType.Layout(listOf(1, 10))),
                    model.getOutputTensorType("output"),
                )
            }
        }
    }

    @Test
    fun `the number of threads reaches the runtime`() {
        // Native threads have the name of the thread that made them; the JVM's own have others.
        val name = File("/proc/thread-self/comm").readText()

        fun count() =
            File("/proc/self/task").listFiles()!!.count { task ->
                runCatching { File(task, "comm").readText() }.getOrNull() == name
            }

        val values = FloatArray(pixels.size)
        val made =
            listOf(1, 4).map { threads ->
                val before = count()
                open("int8.tflite", threads).use {
                    it.answer(values)
                    count() - before
                }
            }
        assertEquals(3, made[1] - made[0])
    }

    @Test
    fun `a missing file is an error that says so`() {
        val error = assertThrows(LiteRtException::class.java) { open("missing.tflite") }
        assertTrue(error.message, error.message!!.endsWith("missing.tflite: ErrorFileIO (500)"))
    }

    @Test
    fun `a file that is no model is an error`() {
        assertThrows(LiteRtException::class.java) { open("photo.png") }
    }

    @Test
    fun `uint8 has no type in Kotlin, but bytes pass`() {
        open("uint8.tflite").use { model ->
            val error =
                assertThrows(LiteRtException::class.java) { model.getInputTensorType("image") }
            assertEquals("Unsupported element type in Kotlin: 3", error.message)
            val values = ByteArray(pixels.size) { pixels[it].toByte() }
            val received = model.answers({ it.writeInt8(values) }, { it.readInt8() })
            assertEquals(listOf(10, 10), received.map { it.size })
        }
    }

    @Test
    fun `a buffer takes no more than it holds`() {
        open("int8.tflite").use { model ->
            model.createInputBuffer("image").use { buffer ->
                assertThrows(LiteRtException::class.java) {
                    buffer.writeFloat(FloatArray(pixels.size + 1))
                }
            }
        }
    }

    @Test
    fun `names that the signature lacks are errors`() {
        open("int8.tflite").use { model ->
            val error =
                assertThrows(LiteRtException::class.java) { model.createInputBuffer("picture") }
            assertEquals("Expected one of [image]. Received: picture", error.message)
            assertThrows(LiteRtException::class.java) { model.createInputBuffer("image", "none") }
        }
    }

    @Test
    fun `the desktop has the CPU alone`() {
        Environment.create().use {
            assertEquals(setOf(Accelerator.CPU), it.getAvailableAccelerators())
        }
        assertThrows(LiteRtException::class.java) {
            CompiledModel.create(
                File(folder, "int8.tflite").path,
                CompiledModel.Options(Accelerator.GPU),
            )
        }
    }

    @Test
    fun `a closed model does not run`() {
        val model = open("int8.tflite")
        model.close()
        model.close()
        assertThrows(
            IllegalStateException::class.java,
        ) { model.run(listOf(), listOf<TensorBuffer>()) }
    }
}
