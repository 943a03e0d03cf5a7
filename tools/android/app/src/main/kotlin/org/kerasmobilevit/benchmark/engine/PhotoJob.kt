package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.AcceleratorChoice
import org.kerasmobilevit.core.BigCores
import org.kerasmobilevit.core.InputEncoder
import org.kerasmobilevit.core.MeasurementCancelledException
import org.kerasmobilevit.core.Preprocessing
import org.kerasmobilevit.core.RgbImage
import org.kerasmobilevit.core.TensorData
import java.io.File

/** What one model gave for a photo, not decoded. */
internal class PhotoOutputs(
    val model: File,
    val values: List<TensorData>,
    val ms: Double,
)

/** Runs models on one photo, on the CPU. */
internal class PhotoJob(
    private val facts: DeviceFacts,
) {
    /** @throws Exception see [Failures]. */
    fun run(
        request: PhotoRequest,
        isCancelled: () -> Boolean,
    ): List<PhotoOutputs> {
        val bitmap = Photos.decode(request.picture)
        val picture = Photos.pixels(bitmap)
        bitmap.recycle() // As large as all the rest together.
        val threads = request.threads ?: BigCores.count(facts.maxFrequenciesKhz())
        return request.models.map { model ->
            if (isCancelled()) throw MeasurementCancelledException()
            run(model, picture, threads)
        }
    }

    private fun run(
        file: File,
        picture: RgbImage,
        threads: Int,
    ): PhotoOutputs {
        val description = ModelFiles.read(file)
        val image = description.info.image
        val pixels = Preprocessing.fit(picture, description.height, description.width, image)
        LiteRtModel.open(file, description, AcceleratorChoice.CPU, threads).use { model ->
            model.write(InputEncoder.encode(pixels, image, description.input))
            model.infer()
            val begun = System.nanoTime()
            model.infer()
            val ms = (System.nanoTime() - begun) / 1e6
            return PhotoOutputs(file, model.outputs(), ms)
        }
    }
}
