package org.kerasmobilevit.core

import java.io.IOException
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

/**
 * Bounds-checked access to the bytes of an untrusted file, little-endian.
 *
 * It reads what is asked for and maps nothing: a file that shrinks in the meantime is an error here,
 * and not a signal that ends the process.
 */
internal class FileBytes(
    private val file: RandomAccessFile,
) {
    /** Bytes in the file. */
    val size: Long = file.length()

    /**
     * Copies a part of the file.
     *
     * @throws ModelFileException if the part is not inside the file.
     */
    fun copy(
        at: Long,
        length: Int,
    ): ByteArray {
        if (at < 0 || length < 0 || at > size - length) {
            throw damaged("Expected $length bytes at $at. Received: a file of $size bytes")
        }
        val bytes = ByteArray(length)
        try {
            file.seek(at)
            file.readFully(bytes)
        } catch (error: IOException) {
            throw damaged("The file cannot be read: ${error.message}", error)
        }
        return bytes
    }

    fun u16(at: Long): Int = littleEndian(at, 2).short.toInt() and 0xFFFF

    fun i32(at: Long): Int = littleEndian(at, 4).int

    fun u32(at: Long): Long = i32(at).toLong() and 0xFFFFFFFFL

    private fun littleEndian(
        at: Long,
        length: Int,
    ) = copy(at, length).littleEndian()

    /** SHA-256 of the whole file, in lower-case hexadecimal digits. */
    fun sha256(): String {
        val digest = MessageDigest.getInstance("SHA-256")
        var at = 0L
        while (at < size) {
            val length = minOf(BLOCK, size - at).toInt()
            digest.update(copy(at, length))
            at += length
        }
        return digest.digest().toHex()
    }

    private companion object {
        const val BLOCK = 1L shl 16
    }
}

internal fun ByteArray.littleEndian(): ByteBuffer =
    ByteBuffer.wrap(this).order(ByteOrder.LITTLE_ENDIAN)

internal fun ByteArray.toHex(): String = joinToString("") { "%02x".format(it) }
