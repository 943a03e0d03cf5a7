package com.google.ai.edge.litert.host

import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.Status
import com.sun.jna.Pointer

/** One signature of a model. */
internal class Signature(
    signature: Pointer,
    val index: Int,
) {
    private val library = Native.library

    val inputs =
        Port(
            Native.handle("inputs") { library.LiteRtGetNumSignatureInputs(signature, it) },
            { index, out -> library.LiteRtGetSignatureInputName(signature, index, out) },
            { index, out -> library.LiteRtGetSignatureInputTensorByIndex(signature, index, out) },
            { compiled, i, out ->
                library.LiteRtGetCompiledModelInputBufferRequirements(
                    compiled,
                    index.toLong(),
                    i,
                    out,
                )
            },
        )

    val outputs =
        Port(
            Native.handle("outputs") { library.LiteRtGetNumSignatureOutputs(signature, it) },
            { index, out -> library.LiteRtGetSignatureOutputName(signature, index, out) },
            { index, out -> library.LiteRtGetSignatureOutputTensorByIndex(signature, index, out) },
            { compiled, i, out ->
                library.LiteRtGetCompiledModelOutputBufferRequirements(
                    compiled,
                    index.toLong(),
                    i,
                    out,
                )
            },
        )

    companion object {
        /** @param name its key; empty for the first one. */
        fun of(
            model: Pointer,
            name: String,
        ): Signature {
            val library = Native.library
            val count =
                Native.handle("signatures") { library.LiteRtGetNumModelSignatures(model, it) }
            for (index in 0 until count) {
                val signature =
                    Pointer(
                        Native.handle("signature") {
                            library.LiteRtGetModelSignature(model, index, it)
                        },
                    )
                val key = text("signature") { library.LiteRtGetSignatureKey(signature, it) }
                if (name.isEmpty() || key == name) return Signature(signature, index.toInt())
            }
            throw LiteRtException(Status.ErrorNotFound, "No signature of this name: $name")
        }
    }
}

/** The inputs, or the outputs, of a signature. */
internal class Port(
    private val count: Long,
    private val nameOf: (Long, Pointer) -> Int,
    private val tensorOf: (Long, Pointer) -> Int,
    private val requirementsOf: (Pointer, Long, Pointer) -> Int,
) {
    fun names(): List<String> =
        (0 until count).map { index -> text("name of a tensor") { nameOf(index, it) } }

    fun index(name: String): Long {
        val found = names().indexOf(name)
        if (found < 0) {
            throw LiteRtException(
                Status.ErrorNotFound,
                "Expected one of ${names()}. Received: $name",
            )
        }
        return found.toLong()
    }

    fun tensor(index: Long) = Pointer(Native.handle("tensor") { tensorOf(index, it) })

    fun requirements(
        compiled: Pointer,
        index: Long,
    ) = Pointer(Native.handle("requirements") { requirementsOf(compiled, index, it) })
}

private fun text(
    what: String,
    call: (Pointer) -> Int,
): String = Pointer(Native.handle(what, call)).getString(0, "UTF-8")
