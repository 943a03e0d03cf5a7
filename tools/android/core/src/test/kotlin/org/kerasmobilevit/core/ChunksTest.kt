package org.kerasmobilevit.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.util.Base64

class ChunksTest {
    @Test
    fun chunksAreDecodedOneByOneAndJoined() {
        val text = "ä€😀 0123456789".repeat(30_000)
        val chunks = Chunks.split(text)
        assertTrue(chunks.size > 10)
        assertTrue(chunks.all { it.length <= 32_768 })
        val parts = chunks.map { Base64.getDecoder().decode(it) }
        assertEquals(text, parts.reduce(ByteArray::plus).decodeToString())
        assertEquals(text, Base64.getDecoder().decode(chunks.joinToString("")).decodeToString())
    }

    @Test
    fun limitNeedNotBeAMultipleOfFour() {
        assertEquals(listOf("MDEy", "Mw=="), Chunks.split("0123", 7))
        assertEquals(emptyList<String>(), Chunks.split(""))
        assertThrows(IllegalArgumentException::class.java) { Chunks.split("x", 3) }
    }
}
