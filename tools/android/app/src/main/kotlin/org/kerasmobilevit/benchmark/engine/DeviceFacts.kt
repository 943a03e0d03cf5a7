package org.kerasmobilevit.benchmark.engine

import android.app.ActivityManager
import android.app.ActivityManager.RunningAppProcessInfo
import android.content.Context
import android.content.pm.ApplicationInfo
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import org.kerasmobilevit.benchmark.BuildConfig
import org.kerasmobilevit.core.Battery
import org.kerasmobilevit.core.Phone
import java.io.File

/** What a result says of the phone and of its state. */
class DeviceFacts(
    private val context: Context,
    private val cpus: File = File("/sys/devices/system/cpu"),
) {
    private val cores = Regex("cpu\\d+")

    /** Highest frequency of each core in kHz; empty if the phone does not tell. */
    fun maxFrequenciesKhz(): List<Long> =
        cpus
            .listFiles { file -> cores.matches(file.name) }
            .orEmpty()
            .sortedBy { it.name.removePrefix("cpu").toInt() }
            .mapNotNull { core ->
                runCatching {
                    File(core, "cpufreq/cpuinfo_max_freq").readText().trim().toLong()
                }.getOrNull()
            }

    fun phone() =
        Phone(
            manufacturer = Build.MANUFACTURER.orEmpty(),
            model = Build.MODEL.orEmpty(),
            soc = soc(),
            android = Build.VERSION.RELEASE.orEmpty(),
            sdk = Build.VERSION.SDK_INT,
            abi = Build.SUPPORTED_ABIS.firstOrNull().orEmpty(),
            cores = Runtime.getRuntime().availableProcessors(),
            maxFrequenciesKhz = maxFrequenciesKhz(),
            versions =
                mapOf(
                    "app" to BuildConfig.VERSION_NAME,
                    "litert" to BuildConfig.LITERT_VERSION,
                ),
        )

    fun battery(): Battery {
        val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager
        val battery = context.getSystemService(Context.BATTERY_SERVICE) as BatteryManager
        return Battery(saver = power.isPowerSaveMode, charging = battery.isCharging)
    }

    /** Whether the app can be debugged, which makes it slower. */
    fun isDebuggable(): Boolean =
        context.applicationInfo.flags and ApplicationInfo.FLAG_DEBUGGABLE != 0

    /**
     * Whether Android lends this process the cores of apps on the screen. A service of such an app
     * counts as visible before Android 10. One that is merely instrumented does not: it is as
     * important as a foreground service.
     */
    fun isForeground(): Boolean {
        val state = RunningAppProcessInfo()
        ActivityManager.getMyMemoryState(state)
        val isOld = Build.VERSION.SDK_INT < Build.VERSION_CODES.Q
        return state.importance == RunningAppProcessInfo.IMPORTANCE_FOREGROUND ||
            (isOld && state.importance == RunningAppProcessInfo.IMPORTANCE_VISIBLE)
    }

    private fun soc(): String =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) {
            Build.SOC_MODEL.takeUnless { it == Build.UNKNOWN }.orEmpty()
        } else {
            Build.HARDWARE.orEmpty()
        }
}
