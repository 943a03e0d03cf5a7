package org.kerasmobilevit.benchmark.ui.run

import android.content.Context
import android.content.pm.ApplicationInfo
import android.os.Build
import android.os.PowerManager
import org.kerasmobilevit.core.BigCores
import java.io.File

/** What the options of a run depend on. */
class DeviceState(private val context: Context) {
    private val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager

    val cores: Int get() = Runtime.getRuntime().availableProcessors()

    val bigCores: Int
        get() = BigCores.count(
            (0 until cores).mapNotNull { core ->
                val file = File("/sys/devices/system/cpu/cpu$core/cpufreq/cpuinfo_max_freq")
                runCatching { file.readText().trim().toLong() }.getOrNull()
            },
        )

    val isSaverOn: Boolean get() = power.isPowerSaveMode

    val isDebugBuild: Boolean
        get() = context.applicationInfo.flags and ApplicationInfo.FLAG_DEBUGGABLE != 0

    val hasHeadroom: Boolean
        get() = Build.VERSION.SDK_INT >= Build.VERSION_CODES.R &&
            !power.getThermalHeadroom(0).isNaN()
}
