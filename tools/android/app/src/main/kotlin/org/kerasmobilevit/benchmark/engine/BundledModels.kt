package org.kerasmobilevit.benchmark.engine

import android.content.Context
import java.io.File
import java.io.IOException

/** The models in the APK. */
object BundledModels {
    private const val ASSETS = "models"

    /**
     * Their files, copied to `filesDir/bundled` the first time and after an update of the app.
     *
     * One that cannot be copied, as the storage is full, is left out.
     *
     * @return sorted by name; empty if the APK was built without models.
     */
    @Synchronized
    fun files(context: Context): List<File> {
        val folder = File(context.filesDir, "bundled").apply { mkdirs() }
        val installed =
            context.packageManager.getPackageInfo(context.packageName, 0).lastUpdateTime
        return context.assets
            .list(ASSETS)
            .orEmpty()
            .filter { it.endsWith(".tflite") }
            .sorted()
            .map { File(folder, it) }
            .filter { file ->
                (file.exists() && file.lastModified() >= installed) || copy(context, file)
            }
    }

    /** @return whether the whole file is there. */
    private fun copy(
        context: Context,
        file: File,
    ): Boolean {
        val unfinished = File(file.path + ".part")
        return try {
            context.assets.open("$ASSETS/${file.name}").use { from ->
                unfinished.outputStream().use { from.copyTo(it) }
            }
            unfinished.renameTo(file)
        } catch (_: IOException) {
            false
        } finally {
            unfinished.delete()
        }
    }
}
