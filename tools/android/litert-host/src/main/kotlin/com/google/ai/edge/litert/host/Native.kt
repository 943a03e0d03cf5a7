package com.google.ai.edge.litert.host

import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.Status
import com.sun.jna.Memory
import com.sun.jna.Pointer
import com.sun.jna.Native as Jna

/** Calls of the library, whose errors become exceptions. */
internal object Native {
    val library: LiteRtLibrary =
        Jna.load(
            checkNotNull(System.getProperty("litert.library")) {
                "Expected the path of libLiteRt.so, which is in the wheel of ai-edge-litert, as " +
                    "the system property litert.library. Received: nothing"
            },
            LiteRtLibrary::class.java,
        )

    fun check(
        status: Int,
        what: String,
    ) {
        if (status != Status.Ok.code) {
            throw LiteRtException(status, "$what: ${Status.fromCode(status)} ($status)")
        }
    }

    /** The 64 bits, a pointer or a size, that a call gives through its last argument. */
    fun handle(
        what: String,
        call: (Pointer) -> Int,
    ): Long {
        val result = Memory(Long.SIZE_BYTES.toLong()).apply { clear() }
        check(call(result), what)
        return result.getLong(0)
    }

    fun array(handles: List<Long>): Pointer =
        Memory(Long.SIZE_BYTES * maxOf(1L, handles.size.toLong())).apply {
            write(0, handles.toLongArray(), 0, handles.size)
        }
}
