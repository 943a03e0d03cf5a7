package org.kerasmobilevit.benchmark.engine

import android.content.Context
import java.io.File

/** The models in the APK. */
object BundledModels {
    /**
     * Their files, copied to `filesDir/bundled` the first time and after an update of the app.
     *
     * @return sorted by name; empty if the APK was built without models.
     */
    fun files(context: Context): List<File> = TODO()
}
