package org.kerasmobilevit.benchmark.engine

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.ModelFile
import org.kerasmobilevit.core.TensorData
import java.io.File

/**
 * A model in the runtime, with buffers for one inference.
 *
 * LiteRT's environment is shared within a process, so that each process should open one model.
 *
 * @property isPartial whether the accelerator refused to run the whole graph, and the CPU does the
 *   rest.
 */
class LiteRtModel private constructor(
    private val description: ModelFile,
    private val accelerator: AcceleratorChoice,
    private val compiled: CompiledModel,
    private val environment: Environment,
    val isPartial: Boolean,
) : AutoCloseable {
    private val inputs = linkedMapOf<String, TensorBuffer>()
    private val outputs = linkedMapOf<String, TensorBuffer>()

    /** Writes the only input. */
    fun write(values: TensorData) {
        TensorBuffers.write(inputs.values.single(), description.input, values)
    }

    /**
     * One inference, until its outputs are there. The CPU is done when the call of the runtime
     * returns; a GPU may still be at work, so that its outputs are read as well.
     */
    fun infer() {
        if (outputs.size == 1) {
            compiled.run(inputs.values.toList(), outputs.values.toList())
        } else {
            // The order of the signature is not known.
            compiled.run(inputs, outputs, description.signature)
        }
        if (accelerator == AcceleratorChoice.GPU) outputs()
    }

    /** The values of all outputs of the last inference, in the order of [ModelFile.outputs]. */
    fun outputs(): List<TensorData> =
        description.outputs.map { TensorBuffers.read(outputs.getValue(it.name), it) }

    override fun close() {
        (inputs.values + outputs.values).forEach { it.close() }
        compiled.close()
        environment.close()
    }

    private fun createBuffers() {
        for (spec in description.inputs) {
            inputs[spec.name] = compiled.createInputBuffer(spec.name, description.signature)
        }
        for (spec in description.outputs) {
            outputs[spec.name] = compiled.createOutputBuffer(spec.name, description.signature)
        }
    }

    companion object {
        /**
         * Loads a file.
         *
         * @param threads of the CPU, from 1.
         * @throws FailureException if the accelerator is missing or the runtime refuses the file.
         */
        fun open(
            file: File,
            description: ModelFile,
            accelerator: AcceleratorChoice,
            threads: Int,
        ): LiteRtModel {
            TensorBuffers.check(description.inputs + description.outputs)
            val environment = Environment.create()
            var opened: AutoCloseable = environment
            var isComplete = false
            try {
                val (compiled, isPartial) = compile(file, accelerator, threads, environment)
                val model =
                    LiteRtModel(description, accelerator, compiled, environment, isPartial)
                opened = model
                model.createBuffers()
                isComplete = true
                return model
            } catch (error: LiteRtException) {
                throw FailureException(refusal(file, accelerator, error), error)
            } finally {
                if (!isComplete) opened.close()
            }
        }

        private fun compile(
            file: File,
            accelerator: AcceleratorChoice,
            threads: Int,
            environment: Environment,
        ): Pair<CompiledModel, Boolean> {
            // Not Options.CPU, which is one object for the whole process.
            fun create(vararg accelerators: Accelerator): CompiledModel {
                val options = CompiledModel.Options(*accelerators)
                options.cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
                return CompiledModel.create(file.path, options, environment)
            }

            if (accelerator == AcceleratorChoice.CPU) return create(Accelerator.CPU) to false
            if (Accelerator.GPU !in environment.getAvailableAccelerators()) {
                throw FailureException(noGpu("LiteRT finds none on this device."))
            }
            // Alone, the GPU has to run the whole graph; otherwise it is an error.
            return try {
                create(Accelerator.GPU) to false
            } catch (whole: LiteRtException) {
                try {
                    create(Accelerator.GPU, Accelerator.CPU) to true
                } catch (part: LiteRtException) {
                    throw FailureException(noGpu("It refuses this model: ${part.message}"), whole)
                }
            }
        }

        private fun noGpu(reason: String) =
            Failure(
                FailureKind.ACCELERATOR_MISSING,
                "Expected a GPU that LiteRT can use. $reason",
                "Measure on the CPU.",
            )

        private fun refusal(
            file: File,
            accelerator: AcceleratorChoice,
            error: LiteRtException,
        ): Failure {
            val failure = Failures.of(error)
            return when {
                failure.kind == FailureKind.OUT_OF_MEMORY -> {
                    failure
                }

                accelerator == AcceleratorChoice.GPU -> {
                    noGpu("It refuses this model: ${error.message}")
                }

                else -> {
                    Failure(
                        FailureKind.DAMAGED,
                        "LiteRT refuses ${file.name}: ${error.message}",
                        "Copy the file again; if it stays so, export it again.",
                    )
                }
            }
        }
    }
}
