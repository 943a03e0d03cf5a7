package org.kerasmobilevit.core

/**
 * A table of a flatbuffer, of which only the fields that are asked for are read.
 *
 * Fields are counted in the order of the schema. Format:
 * [flatbuffers.dev/internals](https://flatbuffers.dev/internals/).
 *
 * @param position where the table begins in the file.
 */
internal class FlatTable(
    private val bytes: FileBytes,
    private val position: Long,
) {
    private val vtable = position - bytes.i32(position)
    private val vtableSize = bytes.u16(vtable)

    fun byte(
        field: Int,
        default: Int,
    ): Int = at(field)?.let { bytes.copy(it, 1)[0].toInt() } ?: default

    fun uint(field: Int): Long = at(field)?.let(bytes::u32) ?: 0

    fun table(field: Int): FlatTable? = at(field)?.let { FlatTable(bytes, follow(it)) }

    /** Tables of a vector; each is read when it is asked for. */
    fun tables(field: Int): Vector<FlatTable> = vector(field, 4) { FlatTable(bytes, follow(it)) }

    fun ints(field: Int): List<Int> = vector(field, 4, bytes::i32).toList()

    fun floats(field: Int): List<Float> = ints(field).map(Float::fromBits)

    fun longs(field: Int): List<Long> =
        vector(field, 8) { bytes.copy(it, 8).littleEndian().long }.toList()

    fun text(field: Int): String =
        vector(field, 1) { it }.let { characters ->
            if (characters.size > MAX_ITEMS) throw tooMany(characters.size)
            if (characters.size == 0) return ""
            bytes.copy(characters[0], characters.size).decodeToString()
        }

    private fun <T> vector(
        field: Int,
        itemSize: Int,
        read: (Long) -> T,
    ): Vector<T> {
        val start = at(field)?.let(::follow) ?: return Vector(0) { throw tooMany(0) }
        val count = bytes.u32(start)
        val first = start + 4
        if (count * itemSize > bytes.size - first) throw tooMany(count.toInt())
        return Vector(count.toInt()) { read(first + it.toLong() * itemSize) }
    }

    /** Where a field is in the file; null if it has its default value. */
    private fun at(field: Int): Long? {
        val entry = 4 + 2 * field
        if (entry + 2 > vtableSize) return null
        val offset = bytes.u16(vtable + entry)
        return if (offset == 0) null else position + offset
    }

    private fun follow(at: Long): Long = at + bytes.u32(at)

    /** A vector of the file, of a size that the file has room for. */
    class Vector<T>(
        val size: Int,
        private val read: (Int) -> T,
    ) {
        /** @throws ModelFileException if there is no such item. */
        operator fun get(index: Int): T {
            if (index !in 0 until size) {
                throw damaged("Expected an index below $size in the graph. Received: $index")
            }
            return read(index)
        }

        /** All items, of a vector that should be short. */
        fun toList(): List<T> {
            if (size > MAX_ITEMS) throw tooMany(size)
            return List(size, read)
        }
    }

    companion object {
        // Inputs, outputs, sides of a tensor, characters of a name: all are far fewer.
        private const val MAX_ITEMS = 1024

        /** The table that the flatbuffer at the beginning of a file begins with. */
        fun root(bytes: FileBytes) = FlatTable(bytes, bytes.u32(0))

        private fun tooMany(count: Int) =
            damaged("Expected a list that fits into the graph. Received: one of $count items")
    }
}
