package com.google.ai.edge.litert.host

import com.google.ai.edge.litert.CompiledModel
import com.sun.jna.Memory

/** For tests: whether all operations are XNNPACK's, which the API of phones does not tell. */
fun CompiledModel.isFullyAccelerated(): Boolean {
    val whether = Memory(Long.SIZE_BYTES.toLong()).apply { clear() }
    Native.check(
        Native.library.LiteRtCompiledModelIsFullyAccelerated(pointer, whether),
        "delegation",
    )
    return whether.getByte(0) != 0.toByte()
}
