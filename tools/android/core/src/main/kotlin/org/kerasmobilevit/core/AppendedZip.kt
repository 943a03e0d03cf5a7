package org.kerasmobilevit.core

import java.util.zip.CRC32
import java.util.zip.DataFormatException
import java.util.zip.Inflater

/**
 * The zip archive behind a flatbuffer, where TFLite keeps associated files.
 *
 * `java.util.zip.ZipFile` is not used: Android's versions differ in whether they take an archive
 * with something in front, and the size of what they unpack is not limited. Format: PKWARE's
 * APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
 */
internal class AppendedZip private constructor(
    private val bytes: FileBytes,
    private val members: Map<String, Member>,
) {
    private class Member(
        val headerAt: Long,
        val method: Int,
        val crc: Long,
        val packedSize: Long,
        val size: Long,
    )

    /**
     * Unpacks a member, and verifies its checksum.
     *
     * @param maxBytes most bytes that it may have.
     * @return its text; null if there is no such member.
     * @throws ModelFileException if it is damaged or larger.
     */
    fun read(
        name: String,
        maxBytes: Int,
    ): String? {
        val member = members[name] ?: return null
        if (member.size > maxBytes || member.packedSize > maxBytes) {
            throw damaged(
                "Expected at most $maxBytes bytes in $name. Received: ${member.size} bytes",
            )
        }
        if (bytes.u32(member.headerAt) != LOCAL_HEADER) {
            throw damaged("Expected the header of $name at ${member.headerAt}. Received: none")
        }
        val start =
            member.headerAt + 30 + bytes.u16(member.headerAt + 26) +
                bytes.u16(member.headerAt + 28)
        val packed = bytes.copy(start, member.packedSize.toInt())
        val data =
            when (member.method) {
                STORED -> packed
                DEFLATED -> inflate(packed, member.size.toInt(), name)
                else -> throw damaged("$name has an unknown compression: ${member.method}")
            }
        val crc = CRC32().apply { update(data) }.value
        if (crc != member.crc || data.size.toLong() != member.size) {
            throw damaged("Expected the checksum of $name. Received: other bytes")
        }
        return data.decodeToString()
    }

    private fun inflate(
        packed: ByteArray,
        size: Int,
        name: String,
    ): ByteArray {
        val inflater = Inflater(true)
        try {
            inflater.setInput(packed)
            val data = ByteArray(size)
            var done = 0
            while (done < size) {
                val count = inflater.inflate(data, done, size - done)
                if (count == 0) throw damaged("The end of $name is missing")
                done += count
            }
            return data
        } catch (error: DataFormatException) {
            throw damaged("$name cannot be unpacked: ${error.message}", error)
        } finally {
            inflater.end()
        }
    }

    companion object {
        private const val LOCAL_HEADER = 0x04034B50L
        private const val DIRECTORY_ENTRY = 0x02014B50L
        private const val END = 0x06054B50L
        private const val END_SIZE = 22
        private const val MAX_COMMENT = 0xFFFF
        private const val MAX_MEMBERS = 1000
        private const val STORED = 0
        private const val DEFLATED = 8

        /** @return null if the file does not end in an archive. */
        fun find(bytes: FileBytes): AppendedZip? {
            val end = findEnd(bytes) ?: return null
            val count = bytes.u16(end + 10)
            val directorySize = bytes.u32(end + 12)
            if (count > MAX_MEMBERS) {
                throw damaged(
                    "Expected at most $MAX_MEMBERS files in the archive. Received: $count",
                )
            }
            // What stands in front may have grown since the archive was written.
            var at = end - directorySize
            val shift = at - bytes.u32(end + 16)
            val members = LinkedHashMap<String, Member>()
            repeat(count) {
                if (bytes.u32(at) != DIRECTORY_ENTRY) {
                    throw damaged("Expected an entry of the archive at $at. Received: none")
                }
                val nameSize = bytes.u16(at + 28)
                val name = bytes.copy(at + 46, nameSize).decodeToString()
                members[name] =
                    Member(
                        headerAt = bytes.u32(at + 42) + shift,
                        method = bytes.u16(at + 10),
                        crc = bytes.u32(at + 16),
                        packedSize = bytes.u32(at + 20),
                        size = bytes.u32(at + 24),
                    )
                at += 46 + nameSize + bytes.u16(at + 30) + bytes.u16(at + 32)
            }
            return AppendedZip(bytes, members)
        }

        private fun findEnd(bytes: FileBytes): Long? {
            val length = minOf(bytes.size, (END_SIZE + MAX_COMMENT).toLong()).toInt()
            val from = bytes.size - length
            val tail = bytes.copy(from, length).littleEndian()
            for (at in length - END_SIZE downTo 0) {
                val isEnd =
                    tail.getInt(at) == END.toInt() &&
                        at + END_SIZE + (tail.getShort(at + 20).toInt() and 0xFFFF) == length
                if (isEnd) return from + at
            }
            return null
        }
    }
}
