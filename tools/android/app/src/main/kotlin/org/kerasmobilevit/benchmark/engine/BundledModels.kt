package org.kerasmobilevit.benchmark.engine

import android.content.Context
import java.io.File

/** The models in the APK. */
object BundledModels {
    private const val ASSETS = "models"

    /**
     * Their files, copied to `filesDir/bundled` the first time and after an update of the app.
     *
     * @return sorted by name; empty if the APK was built without models.
     */
    fun files(context: Context): List<File> {
        val folder = File(context.filesDir, "bundled").apply { mkdirs() }
        val installed =
            context.packageManager.getPackageInfo(context.packageName, 0).lastUpdateTime
        return context.assets
            .list(ASSETS)
            .orEmpty()
            .filter { it.endsWith(".tflite") }
            .sorted()
            .map { name ->
                File(folder, name).also { file ->
                    if (!file.exists() || file.lastModified() < installed) copy(context, file)
                }
            }
    }

    private fun copy(
        context: Context,
        file: File,
    ) {
        val unfinished = File(file.path + ".part")
        context.assets.open("$ASSETS/${file.name}").use { from ->
            unfinished.outputStream().use { from.copyTo(it) }
        }
        unfinished.renameTo(file)
    }
}
