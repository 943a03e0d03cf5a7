// LiteRT's Kotlin API, as far as the app uses it, for a desktop's JVM. Signatures as in
// google-ai-edge/LiteRT, commit f6745779, litert/kotlin. Not in the APK, where LiteRT's AAR has
// them.

package com.google.ai.edge.litert

import com.google.ai.edge.litert.host.Native
import com.sun.jna.Pointer

/** Memory of one input or output. */
class TensorBuffer internal constructor(
    handle: Long,
) : JniHandle(handle) {
    internal val pointer get() = Pointer(handle)

    private val size get() =
        Native
            .handle("size of a buffer") {
                Native.library.LiteRtGetTensorBufferPackedSize(pointer, it)
            }.toInt()

    @Throws(LiteRtException::class)
    fun writeInt(data: IntArray) =
        write(data.size * Int.SIZE_BYTES) { it.write(0, data, 0, data.size) }

    @Throws(LiteRtException::class)
    fun writeFloat(data: FloatArray) =
        write(data.size * Float.SIZE_BYTES) { it.write(0, data, 0, data.size) }

    @Throws(LiteRtException::class)
    fun writeInt8(data: ByteArray) = write(data.size) { it.write(0, data, 0, data.size) }

    @Throws(LiteRtException::class)
    fun writeBoolean(data: BooleanArray) =
        writeInt8(ByteArray(data.size) { if (data[it]) 1 else 0 })

    @Throws(LiteRtException::class)
    fun writeLong(data: LongArray) =
        write(data.size * Long.SIZE_BYTES) { it.write(0, data, 0, data.size) }

    @Throws(LiteRtException::class)
    fun readInt(): IntArray = locked(READ) { it.getIntArray(0, size / Int.SIZE_BYTES) }

    @Throws(LiteRtException::class)
    fun readFloat(): FloatArray = locked(READ) { it.getFloatArray(0, size / Float.SIZE_BYTES) }

    @Throws(LiteRtException::class)
    fun readInt8(): ByteArray = locked(READ) { it.getByteArray(0, size) }

    @Throws(LiteRtException::class)
    fun readBoolean(): BooleanArray =
        readInt8().let { bytes ->
            BooleanArray(bytes.size) { bytes[it] != 0.toByte() }
        }

    @Throws(LiteRtException::class)
    fun readLong(): LongArray = locked(READ) { it.getLongArray(0, size / Long.SIZE_BYTES) }

    override fun destroy() = Native.library.LiteRtDestroyTensorBuffer(pointer)

    private fun write(
        bytes: Int,
        copy: (Pointer) -> Unit,
    ) = locked(WRITE) {
        if (bytes > size) {
            throw LiteRtException(
                Status.ErrorInvalidArgument,
                "Expected at most $size bytes. Received: $bytes",
            )
        }
        copy(it)
    }

    private fun <T> locked(
        mode: Int,
        use: (Pointer) -> T,
    ): T {
        assertNotDestroyed()
        val memory =
            Native.handle("lock") { Native.library.LiteRtLockTensorBuffer(pointer, it, mode) }
        try {
            return use(Pointer(memory))
        } finally {
            Native.check(Native.library.LiteRtUnlockTensorBuffer(pointer), "unlock")
        }
    }

    private companion object {
        const val READ = 0
        const val WRITE = 1
    }
}
