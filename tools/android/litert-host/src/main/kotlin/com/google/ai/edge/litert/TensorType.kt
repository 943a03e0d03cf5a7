// LiteRT's Kotlin API, as far as the app uses it, for a desktop's JVM. Signatures as in
// google-ai-edge/LiteRT, commit f6745779, litert/kotlin. Not in the APK, where LiteRT's AAR has
// them.

package com.google.ai.edge.litert

/** Type and shape of a tensor; uint8 and float16 have no names in Kotlin. */
data class TensorType
    @JvmOverloads
    constructor(
        val elementType: ElementType,
        val layout: Layout? = null,
    ) {
        enum class ElementType { INT, FLOAT, INT8, BOOLEAN, INT64 }

        data class Layout
            @JvmOverloads
            constructor(
                val dimensions: List<Int>,
                val strides: List<Int> = listOf(),
            ) {
                val rank: Int get() = dimensions.size

                val hasStrides: Boolean get() = strides.isNotEmpty()
            }
    }
