// LiteRT's Kotlin API, as far as the app uses it, for a desktop's JVM. Signatures as in
// google-ai-edge/LiteRT, commit f6745779, litert/kotlin. Not in the APK, where LiteRT's AAR has
// them.

package com.google.ai.edge.litert

import android.content.res.AssetManager
import com.google.ai.edge.litert.host.Native
import com.google.ai.edge.litert.host.NativeOptions
import com.google.ai.edge.litert.host.Port
import com.google.ai.edge.litert.host.Signature
import com.google.ai.edge.litert.host.TensorTypes
import com.sun.jna.Pointer
import java.io.File

/** A model that is ready to run. */
class CompiledModel private constructor(
    handle: Long,
    private val model: Pointer,
    private val environment: Environment,
    private val ownsEnvironment: Boolean,
) : JniHandle(handle) {
    /** How XNNPACK runs; one thread unless another number is given. */
    data class CpuOptions(
        val numThreads: Int? = null,
        val xnnPackFlags: Int? = null,
        val xnnPackWeightCachePath: String? = null,
    )

    /** What may run the model. [CPU] is shared: make another one to set anything. */
    class Options(
        internal val accelerators: Set<Accelerator>,
    ) {
        constructor(vararg accelerators: Accelerator) : this(setOf(*accelerators))

        var cpuOptions: CpuOptions? = null

        companion object {
            @JvmStatic
            val CPU = Options(Accelerator.CPU)
        }
    }

    internal val pointer get() = Pointer(handle)

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun createInputBuffer(
        inputName: String,
        signature: String = "",
    ): TensorBuffer = buffer(signature(signature).inputs, inputName)

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun createOutputBuffer(
        outputName: String,
        signature: String = "",
    ): TensorBuffer = buffer(signature(signature).outputs, outputName)

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun run(
        inputs: List<TensorBuffer>,
        outputs: List<TensorBuffer>,
        signatureIndex: Int = 0,
    ) {
        assertNotDestroyed()
        Native.check(
            Native.library.LiteRtRunCompiledModel(
                pointer,
                signatureIndex.toLong(),
                inputs.size.toLong(),
                Native.array(inputs.map { it.handle }),
                outputs.size.toLong(),
                Native.array(outputs.map { it.handle }),
            ),
            "run",
        )
    }

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun run(
        inputs: Map<String, TensorBuffer>,
        outputs: Map<String, TensorBuffer>,
        signature: String = "",
    ) {
        val names = signature(signature)
        run(
            names.inputs.names().map(inputs::getValue),
            names.outputs.names().map(outputs::getValue),
            names.index,
        )
    }

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun getInputTensorType(
        inputName: String,
        signature: String = "",
    ): TensorType =
        signature(signature).inputs.let { TensorTypes.read(it.tensor(it.index(inputName))) }

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun getOutputTensorType(
        outputName: String,
        signature: String = "",
    ): TensorType =
        signature(signature).outputs.let {
            TensorTypes.read(it.tensor(it.index(outputName)))
        }

    override fun destroy() {
        Native.library.LiteRtDestroyCompiledModel(pointer)
        Native.library.LiteRtDestroyModel(model)
        if (ownsEnvironment) environment.close()
    }

    private fun signature(name: String): Signature {
        assertNotDestroyed()
        return Signature.of(model, name)
    }

    private fun buffer(
        port: Port,
        name: String,
    ): TensorBuffer {
        val index = port.index(name)
        val needs = port.requirements(pointer, index)
        val type = TensorTypes.native(port.tensor(index))
        return TensorBuffer(
            Native.handle("buffer of $name") {
                Native.library.LiteRtCreateManagedTensorBufferFromRequirements(
                    environment.pointer,
                    type,
                    needs,
                    it,
                )
            },
        )
    }

    companion object {
        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(
            assetManager: AssetManager,
            assetName: String,
            options: Options = Options.CPU,
            optionalEnv: Environment? = null,
        ): CompiledModel {
            val file = File.createTempFile("asset", ".tflite")
            try {
                assetManager.open(assetName).use { from ->
                    file.outputStream().use { from.copyTo(it) }
                }
                return create(file.path, options, optionalEnv)
            } finally {
                file.delete() // It stays mapped.
            }
        }

        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(
            filePath: String,
            options: Options = Options.CPU,
            optionalEnv: Environment? = null,
        ): CompiledModel {
            if (Accelerator.CPU !in options.accelerators) {
                throw LiteRtException(
                    Status.ErrorCompilation,
                    "Expected the CPU on a desktop. Received: ${options.accelerators}",
                )
            }
            val environment = optionalEnv ?: Environment.create()
            var model: Pointer? = null
            try {
                val loaded =
                    Pointer(
                        Native.handle(filePath) {
                            Native.library.LiteRtCreateModelFromFile(
                                environment.pointer,
                                filePath,
                                it,
                            )
                        },
                    )
                model = loaded
                val handle =
                    NativeOptions.use(options.cpuOptions) { native ->
                        Native.handle(filePath) {
                            Native.library.LiteRtCreateCompiledModel(
                                environment.pointer,
                                loaded,
                                native,
                                it,
                            )
                        }
                    }
                return CompiledModel(handle, loaded, environment, optionalEnv == null)
            } catch (error: LiteRtException) {
                model?.let(Native.library::LiteRtDestroyModel)
                if (optionalEnv == null) environment.close()
                throw error
            }
        }
    }
}
