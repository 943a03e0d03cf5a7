// LiteRT's Kotlin API, as far as the app uses it, for a desktop's JVM. Signatures as in
// google-ai-edge/LiteRT, commit f6745779, litert/kotlin. Not in the APK, where LiteRT's AAR has
// them.

package com.google.ai.edge.litert

import com.google.ai.edge.litert.host.Native
import com.sun.jna.Pointer

/** State of the runtime that models share. */
class Environment private constructor(
    handle: Long,
) : JniHandle(handle) {
    enum class Option private constructor(
        val value: Int,
    ) {
        CompilerPluginLibraryDir(0),
        DispatchLibraryDir(1),
    }

    internal val pointer get() = Pointer(handle)

    /** Only the CPU: the library has no others. */
    @Throws(LiteRtException::class)
    fun getAvailableAccelerators(): Set<Accelerator> {
        assertNotDestroyed()
        return setOf(Accelerator.CPU)
    }

    override fun destroy() = Native.library.LiteRtDestroyEnvironment(pointer)

    companion object {
        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(options: Map<Option, String> = mapOf()): Environment {
            require(options.isEmpty()) { "Expected no options on a desktop. Received: $options" }
            return Environment(
                Native.handle(
                    "environment",
                ) { Native.library.LiteRtCreateEnvironment(0, null, it) },
            )
        }
    }
}
