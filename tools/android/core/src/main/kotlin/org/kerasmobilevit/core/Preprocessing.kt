package org.kerasmobilevit.core

/** From a picture of any size to the pixels of a model's input. */
object Preprocessing {
    /**
     * Resizes and crops a picture, as `keras_mobilevit.images.fit_input` does with Pillow: the
     * bytes are the same.
     *
     * @param image the whole picture, upright.
     * @param height of the model's input, in pixels.
     * @param width of the model's input, in pixels.
     * @param spec says whether it is cropped, and how much.
     * @return RGB picture of `height` by `width` pixels; [InputEncoder] arranges its channels.
     * @throws ModelFileException if the spec asks for an interpolation that is not supported.
     */
    fun fit(
        image: RgbImage,
        height: Int,
        width: Int,
        spec: ImageSpec,
    ): RgbImage {
        if (spec.interpolation != "bilinear" || !spec.antialias) {
            throw unsupported(
                "Expected a model for pictures that are resized bilinearly with antialiasing. " +
                    "Received: interpolation '${spec.interpolation}', antialias ${spec.antialias}",
            )
        }
        if (spec.cropMode == CropMode.SQUASH) return PillowResize.resize(image, width, height)
        if (spec.preResize == 0) return cover(image, height, width, spec.cropPct)
        val factor = spec.preResize.toDouble() / minOf(height, width)
        val reduced = cover(image, round(height * factor), round(width * factor), spec.cropPct)
        return PillowResize.resize(reduced, width, height)
    }

    /** Scales a picture until its crop covers a size, and cuts that out of the centre. */
    private fun cover(
        image: RgbImage,
        height: Int,
        width: Int,
        cropPct: Double,
    ): RgbImage {
        val scale = maxOf(height / cropPct / image.height, width / cropPct / image.width)
        val scaledWidth = maxOf(round(image.width * scale), width)
        val scaledHeight = maxOf(round(image.height * scale), height)
        // Only what remains is computed: of a panorama the rest might be gigabytes.
        return PillowResize.resize(
            image,
            scaledWidth,
            scaledHeight,
            (scaledWidth - width) / 2,
            (scaledHeight - height) / 2,
            width,
            height,
        )
    }

    // Halves to the even number, as Python does.
    private fun round(value: Double): Int = Math.rint(value).toInt()
}
