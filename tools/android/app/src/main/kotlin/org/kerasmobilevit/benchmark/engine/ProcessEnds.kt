package org.kerasmobilevit.benchmark.engine

import android.app.ActivityManager
import android.app.ApplicationExitInfo
import android.content.Context
import android.os.Build
import android.system.OsConstants

/** Why the process of a run ended before the run did. */
internal object ProcessEnds {
    fun failure(
        context: Context,
        pid: Int,
    ): Failure {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R || pid == 0) return unknown("")
        val manager = context.getSystemService(Context.ACTIVITY_SERVICE) as ActivityManager
        val end =
            try {
                manager.getHistoricalProcessExitReasons(context.packageName, pid, 1).firstOrNull()
            } catch (_: RuntimeException) {
                null
            }
        return when {
            end == null -> {
                unknown("")
            }

            end.reason == ApplicationExitInfo.REASON_LOW_MEMORY -> {
                Failures.outOfMemory("Android ended the run.")
            }

            // All that the kernel leaves of it on phones that cannot tell.
            end.reason == ApplicationExitInfo.REASON_SIGNALED &&
                end.status == OsConstants.SIGKILL &&
                !ActivityManager.isLowMemoryKillReportSupported() -> {
                Failures.outOfMemory("Android ended the run, probably for this reason.")
            }

            else -> {
                unknown(end.description.orEmpty())
            }
        }
    }

    fun unknown(detail: String) =
        Failure(
            FailureKind.CRASHED,
            "The process of the run ended unexpectedly. $detail".trim(),
            "Try fewer threads or the other accelerator. If it happens again, report it with " +
                "the output of `adb logcat -b crash -d`.",
        )
}
