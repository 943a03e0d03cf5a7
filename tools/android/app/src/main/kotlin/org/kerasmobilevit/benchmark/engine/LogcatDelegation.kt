package org.kerasmobilevit.benchmark.engine

import android.os.Process
import android.util.Log
import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.Delegation
import org.kerasmobilevit.core.DelegationLog
import java.io.IOException
import java.util.UUID

/**
 * How much of the graph a delegate runs, of which LiteRT's Kotlin API says nothing, from what the
 * runtime logs. Apps may read the lines of their own processes.
 *
 * @param log lines of this process, oldest first; null if it cannot be read.
 */
class LogcatDelegation(
    private val log: () -> List<String>? = ::ownLines,
) {
    private val mark = "begin ${UUID.randomUUID()}"

    /** Just before the model is loaded: lines above are of other models. */
    fun begin() {
        Log.i(TAG, mark)
    }

    /** @return null if the lines are missing: unknown. */
    fun end(accelerator: AcceleratorChoice): Delegation? {
        val lines = log() ?: return null
        val begun = lines.indexOfLast { mark in it }
        return if (begun < 0) null else DelegationLog.parse(lines.drop(begun), accelerator)
    }

    private companion object {
        const val TAG = "MobileViTBenchmark"

        fun ownLines(): List<String>? =
            try {
                val process =
                    ProcessBuilder("logcat", "-d", "-v", "raw", "--pid=${Process.myPid()}")
                        .redirectErrorStream(true)
                        .start()
                process.outputStream.close()
                val lines = process.inputStream.bufferedReader().readLines()
                lines.takeIf { process.waitFor() == 0 }
            } catch (_: IOException) {
                null
            }
    }
}
