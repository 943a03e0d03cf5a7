package com.google.ai.edge.litert.host

import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.Status
import com.google.ai.edge.litert.TensorType
import com.google.ai.edge.litert.TensorType.ElementType
import com.sun.jna.Memory
import com.sun.jna.Pointer

/** Reads the struct `LiteRtRankedTensorType`. */
internal object TensorTypes {
    private const val BYTES = 72L
    private const val RANK_AT = 4L
    private const val RANK_MASK = 0x7f // The highest bit is of another field.
    private const val SIDES_AT = 8L

    /** Codes of `LiteRtElementType` that Kotlin has names for. */
    private val ELEMENT_TYPES =
        mapOf(
            1 to ElementType.FLOAT,
            2 to ElementType.INT,
            4 to ElementType.INT64,
            6 to ElementType.BOOLEAN,
            9 to ElementType.INT8,
        )

    fun native(tensor: Pointer): Pointer =
        Memory(BYTES).also {
            Native.check(Native.library.LiteRtGetRankedTensorType(tensor, it), "type of a tensor")
        }

    fun read(tensor: Pointer): TensorType {
        val type = native(tensor)
        val code = type.getInt(0)
        val element =
            ELEMENT_TYPES[code]
                ?: throw LiteRtException(
                    Status.ErrorUnsupported,
                    "Unsupported element type in Kotlin: $code",
                )
        val rank = type.getByte(RANK_AT).toInt() and RANK_MASK
        return TensorType(element, TensorType.Layout(type.getIntArray(SIDES_AT, rank).toList()))
    }
}
