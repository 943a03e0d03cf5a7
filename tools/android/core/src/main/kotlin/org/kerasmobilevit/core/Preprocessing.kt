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
    ): RgbImage = TODO()
}
