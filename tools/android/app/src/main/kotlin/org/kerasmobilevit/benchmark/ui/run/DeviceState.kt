package org.kerasmobilevit.benchmark.ui.run

import android.content.Context
import android.os.Build
import android.os.PowerManager
import org.kerasmobilevit.benchmark.engine.DeviceFacts
import org.kerasmobilevit.core.BigCores

/** What the options of a run depend on. */
class DeviceState(
    context: Context,
) {
    private val facts = DeviceFacts(context)
    private val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager

    val cores: Int get() = Runtime.getRuntime().availableProcessors()

    val bigCores: Int get() = BigCores.count(facts.maxFrequenciesKhz())

    val isSaverOn: Boolean get() = power.isPowerSaveMode

    val isDebugBuild: Boolean get() = facts.isDebuggable()

    /** Whether Android can report the thermal headroom; not each phone does. */
    val mayTellHeadroom: Boolean get() = Build.VERSION.SDK_INT >= Build.VERSION_CODES.R
}
