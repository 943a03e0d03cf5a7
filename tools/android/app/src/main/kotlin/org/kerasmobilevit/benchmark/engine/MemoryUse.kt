package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.MemoryMetrics
import java.io.File
import java.io.IOException

/** Resident memory of this process, as the kernel counts it. */
class MemoryUse(
    private val status: File = File("/proc/self/status"),
) {
    private var beforeKb: Long? = null
    private var readyKb: Long? = null

    /** Before the model is loaded. */
    fun begin() {
        beforeKb = kilobytes("VmRSS")
    }

    /** When it can run. */
    fun ready() {
        readyKb = kilobytes("VmRSS")
    }

    /** After the last inference. */
    fun end() =
        MemoryMetrics(
            initFootprintKb = growth(readyKb),
            overallFootprintKb = growth(kilobytes("VmRSS")),
            peakMemMb = kilobytes("VmHWM")?.let { it / KB_PER_MB },
        )

    private fun growth(kilobytes: Long?): Long? =
        beforeKb?.let { before -> kilobytes?.minus(before) }

    private fun kilobytes(key: String): Long? =
        try {
            status
                .readLines()
                .firstOrNull { it.startsWith("$key:") }
                ?.removePrefix("$key:")
                ?.removeSuffix("kB")
                ?.trim()
                ?.toLongOrNull()
        } catch (_: IOException) {
            null
        }

    private companion object {
        const val KB_PER_MB = 1024.0
    }
}
