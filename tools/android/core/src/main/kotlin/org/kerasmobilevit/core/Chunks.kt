package org.kerasmobilevit.core

import kotlin.io.encoding.Base64

/** Long texts in parts that Binder takes. */
object Chunks {
    /** Characters of a part. */
    const val LIMIT = 32 * 1024

    /**
     * Base64 of the UTF-8 bytes in parts. Each can be decoded by itself, and so can all of them
     * joined.
     *
     * @param limit most characters of a part, at least 4.
     */
    fun split(
        text: String,
        limit: Int = LIMIT,
    ): List<String> {
        require(limit >= 4) { "Expected a limit of at least 4 characters. Received: $limit" }
        // Only complete groups of four characters can be decoded by themselves.
        return Base64.encode(text.encodeToByteArray()).chunked(limit / 4 * 4)
    }
}
