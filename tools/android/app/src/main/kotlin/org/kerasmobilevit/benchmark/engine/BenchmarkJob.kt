package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.benchmark.BuildConfig
import org.kerasmobilevit.core.BenchmarkOptions
import org.kerasmobilevit.core.BenchmarkResult
import org.kerasmobilevit.core.BigCores
import org.kerasmobilevit.core.Clock
import org.kerasmobilevit.core.Heat
import org.kerasmobilevit.core.MeasurementListener
import org.kerasmobilevit.core.MeasurementLoop
import org.kerasmobilevit.core.ModelFile
import org.kerasmobilevit.core.ModelSummary
import org.kerasmobilevit.core.ResultDocument
import org.kerasmobilevit.core.SelfTest
import org.kerasmobilevit.core.SelfTestResult

/** Measures one file once, in this process, which should be new. */
class BenchmarkJob(
    private val facts: DeviceFacts,
    private val heat: Heat,
    private val clock: Clock = SystemTime,
    private val delegation: LogcatDelegation = LogcatDelegation(),
    private val memory: MemoryUse = MemoryUse(),
) {
    /**
     * Blocks until it is done.
     *
     * @param listener hears of it on the calling thread.
     * @throws Exception see [Failures].
     */
    fun run(
        request: RunRequest,
        isCancelled: () -> Boolean,
        listener: MeasurementListener,
    ): ResultDocument {
        val description = ModelFiles.read(request.model)
        // Before the run, which may be a long one.
        SelfTest.validate(description.info, description.outputs)
        val options = explicit(request)
        val threads = checkNotNull(options.threads)
        memory.begin()
        delegation.begin()
        val begun = clock.nanos()
        LiteRtModel.open(request.model, description, options.accelerator, threads).use { model ->
            val initMs = (clock.nanos() - begun) / NANOS_PER_MS
            memory.ready()
            model.write(SelfTest.input(description.info.image, description.input))
            val foreground = ForegroundWatch(facts::isForeground, listener, clock)
            foreground.hasStayed()
            val samples =
                MeasurementLoop(options, clock, heat).run(model::infer, isCancelled, foreground)
            val process = if (foreground.hasStayed()) "foreground app" else "background app"
            val result =
                BenchmarkResult(
                    file = request.model.name,
                    sha256 = description.sha256,
                    sizeBytes = description.sizeBytes,
                    threads = threads,
                    accelerator = options.accelerator,
                    process = process,
                    runtime = "LiteRT ${BuildConfig.LITERT_VERSION}",
                    build = if (facts.isDebuggable()) "debug" else "release",
                    samples = samples,
                    initMs = initMs,
                    memory = memory.end(),
                    delegation = delegation.end(options.accelerator),
                    battery = facts.battery(),
                    // Last, so that the first inference of the samples is the first one.
                    selfTest = selfTest(description, model),
                    model = ModelSummary.of(description.info),
                    fidelity = description.info.fidelity,
                    repeat = options.repeat,
                )
            val warnings =
                Warnings.of(
                    result,
                    isPartial = model.isPartial,
                    isGateBlind =
                        options.maxHeadroom != null && samples.thermal.headroomBefore == null,
                    areThreadsGuessed =
                        request.options.threads == null && facts.maxFrequenciesKhz().isEmpty(),
                )
            return ResultDocument(facts.phone(), listOf(result.copy(warnings = warnings)))
        }
    }

    private fun explicit(request: RunRequest): BenchmarkOptions {
        val options = request.options
        return options.copy(
            threads = options.threads ?: BigCores.count(facts.maxFrequenciesKhz()),
            maxHeadroom = if (request.ignoreHeat) null else options.maxHeadroom,
        )
    }

    private fun selfTest(
        description: ModelFile,
        model: LiteRtModel,
    ): SelfTestResult? {
        model.infer()
        val values = model.outputs()
        return SelfTest.check(
            description.info,
            description.outputs.zip(values).associate { (spec, data) ->
                spec.name to (spec to data)
            },
        )
    }

    private companion object {
        const val NANOS_PER_MS = 1e6
    }
}
