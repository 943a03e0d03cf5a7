package com.google.ai.edge.litert.host

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.sun.jna.NativeLibrary
import com.sun.jna.Pointer
import com.sun.jna.Native as Jna

/** Options as the C API takes them: those of the CPU are a text in TOML. */
internal object NativeOptions {
    fun <T> use(
        cpu: CompiledModel.CpuOptions?,
        action: (Pointer) -> T,
    ): T {
        val library = Native.library
        val options = Pointer(Native.handle("options") { library.LiteRtCreateOptions(it) })
        try {
            Native.check(
                library.LiteRtSetOptionsHardwareAccelerators(options, Accelerator.CPU.value),
                "accelerators",
            )
            val toml = toml(cpu)
            if (toml.isNotEmpty()) {
                Native.check(library.LiteRtAddOpaqueOptions(options, opaque(toml)), "CPU options")
            }
            return action(options)
        } finally {
            library.LiteRtDestroyOptions(options)
        }
    }

    private fun toml(cpu: CompiledModel.CpuOptions?): String =
        listOfNotNull(
            cpu?.numThreads?.let { "num_threads = $it\n" },
            cpu?.xnnPackFlags?.let { "flags = $it\n" },
            cpu?.xnnPackWeightCachePath?.let { "weight_cache_file_path = \"$it\"\n" },
        ).joinToString("")

    /** The runtime owns the text, and frees it by the given function of C. */
    private fun opaque(toml: String): Pointer {
        val payload = Pointer(Jna.malloc(toml.toByteArray().size + 1L))
        payload.setString(0, toml, "UTF-8")
        val free = NativeLibrary.getInstance("c").getFunction("free")
        return Pointer(
            Native.handle("CPU options") {
                Native.library.LiteRtCreateOpaqueOptions("xnnpack", payload, free, it)
            },
        )
    }
}
