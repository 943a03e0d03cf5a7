package org.kerasmobilevit.core

/** From pixels to the values of an input tensor, quantized or not. */
object InputEncoder {
    /**
     * Arranges the channels (RGB, BGR or luma), scales the pixels and quantizes them, as
     * `keras_mobilevit.tflite.runtime` does.
     *
     * @param pixels of the height and width of the tensor, as [Preprocessing.fit] gives them.
     * @param tensor input `(1, height, width, 1 or 3)`.
     * @throws ModelFileException if the tensor is no picture, of another type, or cannot hold
     *   pixels up to 255.
     * @throws IllegalArgumentException if the pixels are of another size.
     */
    fun encode(
        pixels: RgbImage,
        spec: ImageSpec,
        tensor: TensorSpec,
    ): TensorData = TODO()
}
