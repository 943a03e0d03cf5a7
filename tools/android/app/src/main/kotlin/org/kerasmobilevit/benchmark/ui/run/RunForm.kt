package org.kerasmobilevit.benchmark.ui.run

import android.app.Activity
import android.view.View
import android.widget.ArrayAdapter
import android.widget.RadioGroup
import android.widget.Spinner
import android.widget.Switch
import android.widget.TextView
import org.kerasmobilevit.benchmark.R
import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.BenchmarkOptions

/**
 * The fields with the options of a run.
 *
 * @param bigCores number of threads that is offered first.
 * @param cores largest number of threads.
 * @param mayWait whether the phone may report its thermal headroom.
 */
class RunForm(
    private val activity: Activity,
    private val bigCores: Int,
    cores: Int,
    private val mayWait: Boolean,
) {
    private val accelerator: RadioGroup = activity.findViewById(R.id.run_accelerator)
    private val threads: Spinner = activity.findViewById(R.id.run_threads)
    private val length: RadioGroup = activity.findViewById(R.id.run_length)
    private val gate: Switch = activity.findViewById(R.id.run_gate)
    private val runs = NumberField(activity.findViewById(R.id.run_runs), 1.0..100_000.0)
    private val seconds = NumberField(activity.findViewById(R.id.run_seconds), 0.1..3600.0)
    private val warmup = NumberField(activity.findViewById(R.id.run_warmup), 0.0..10_000.0)
    private val headroom = NumberField(activity.findViewById(R.id.run_headroom), 0.1..2.0)
    private val cooldown = NumberField(activity.findViewById(R.id.run_cooldown), 0.0..3600.0)
    private val bySeconds get() = length.checkedRadioButtonId == R.id.run_by_seconds
    private val isGated get() = mayWait && gate.isChecked

    /** First the default, then each number. */
    private val choices: List<Int?> = listOf<Int?>(null) + (1..maxOf(1, cores))

    init {
        val names =
            choices.map {
                it?.toString() ?: activity.resources.getQuantityString(
                    R.plurals.run_threads_big_cores,
                    bigCores,
                    bigCores,
                )
            }
        threads.adapter =
            ArrayAdapter(activity, android.R.layout.simple_spinner_item, names).apply {
                setDropDownViewResource(android.R.layout.simple_spinner_dropdown_item)
            }
        accelerator.setOnCheckedChangeListener { _, _ -> update() }
        length.setOnCheckedChangeListener { _, _ -> update() }
        gate.setOnCheckedChangeListener { _, _ -> update() }
        update()
    }

    /** Shows the fields that matter. Call it after the state of the views was restored. */
    fun update() {
        val gpu = accelerator.checkedRadioButtonId == R.id.run_gpu
        show(R.id.run_gpu_hint, gpu)
        show(R.id.run_runs_row, !bySeconds)
        show(R.id.run_seconds_row, bySeconds)
        show(R.id.run_gate_fields, isGated)
        gate.isEnabled = mayWait
        if (!mayWait) {
            gate.isChecked = false
            activity.findViewById<TextView>(R.id.run_gate_hint).setText(R.string.run_no_headroom)
        }
    }

    /** The options, or null after showing which field is wrong. */
    fun read(): BenchmarkOptions? {
        val warmup = warmup.read() ?: return null
        val runs = if (bySeconds) null else runs.read() ?: return null
        val seconds = if (bySeconds) seconds.read() ?: return null else null
        val limit = if (isGated) headroom.read() ?: return null else null
        val wait = if (isGated) cooldown.read() ?: return null else null
        val default = BenchmarkOptions()
        return BenchmarkOptions(
            accelerator =
                when (accelerator.checkedRadioButtonId) {
                    R.id.run_gpu -> AcceleratorChoice.GPU
                    else -> AcceleratorChoice.CPU
                },
            threads = choices[threads.selectedItemPosition],
            runs = runs?.toInt() ?: default.runs,
            seconds = seconds,
            warmup = warmup.toInt(),
            maxHeadroom = limit,
            cooldownSeconds = wait?.toInt() ?: default.cooldownSeconds,
        )
    }

    private fun show(
        id: Int,
        visible: Boolean,
    ) {
        activity.findViewById<View>(id).visibility = if (visible) View.VISIBLE else View.GONE
    }
}
