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
    ): TensorData {
        val shape = listOf(1, pixels.height, pixels.width)
        require(tensor.shape.take(3) == shape) {
            "Expected pixels for the input ${tensor.shape}. Received: $shape"
        }
        val samples =
            when (tensor.shape.last()) {
                1 -> luma(pixels.pixels)

                3 if spec.channelOrder == ChannelOrder.BGR -> reversed(pixels.pixels)

                3 -> pixels.pixels

                else -> throw unsupported(
                    "Expected an input of 1 or 3 channels, which a picture has. Received: " +
                        "${tensor.shape}",
                )
            }
        return PixelQuantizer(spec, tensor, inDouble = true).quantize(samples)
    }

    /** As Pillow converts RGB to L: ITU-R 601-2 luma in fixed point. */
    private fun luma(rgb: ByteArray) =
        ByteArray(rgb.size / 3) {
            fun sample(channel: Int) = rgb[3 * it + channel].toInt() and 0xFF
            ((sample(0) * 19595 + sample(1) * 38470 + sample(2) * 7471 + 0x8000) shr 16).toByte()
        }

    private fun reversed(rgb: ByteArray) = ByteArray(rgb.size) { rgb[it - it % 3 + 2 - it % 3] }
}
