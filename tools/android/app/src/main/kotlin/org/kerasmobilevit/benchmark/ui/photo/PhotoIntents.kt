package org.kerasmobilevit.benchmark.ui.photo

import android.content.ClipData
import android.content.Intent
import android.net.Uri
import android.provider.MediaStore

/** What asks other apps for a photo. */
object PhotoIntents {
    fun pick() =
        Intent(Intent.ACTION_OPEN_DOCUMENT).apply {
            addCategory(Intent.CATEGORY_OPENABLE)
            type = "image/*"
        }

    /** The camera app needs no permission of ours: it writes into [target]. */
    fun shoot(target: Uri) =
        Intent(MediaStore.ACTION_IMAGE_CAPTURE).apply {
            putExtra(MediaStore.EXTRA_OUTPUT, target)
            clipData = ClipData.newRawUri(null, target)
            addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
            addFlags(Intent.FLAG_GRANT_WRITE_URI_PERMISSION)
        }
}
