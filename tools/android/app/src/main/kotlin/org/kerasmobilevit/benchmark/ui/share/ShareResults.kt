package org.kerasmobilevit.benchmark.ui.share

import android.content.ClipData
import android.content.Context
import android.content.Intent
import org.kerasmobilevit.core.Csv
import org.kerasmobilevit.core.ResultDocument
import java.io.File

/** Hands results to other apps, as a file. */
class ShareResults(
    private val context: Context,
) {
    /** The document that the driver for computers reads too. */
    fun json(
        name: String,
        document: ResultDocument,
    ): Intent = send("$name.json", "application/json", document.toText())

    /** A table for spreadsheets. */
    fun csv(
        name: String,
        documents: List<ResultDocument>,
    ): Intent = send("$name.csv", "text/csv", Csv.of(documents))

    private fun send(
        name: String,
        type: String,
        text: String,
    ): Intent {
        val file = File(ShareProvider.folder(context), name)
        file.writeText(text)
        val uri = ShareProvider.uri(file)
        val intent =
            Intent(Intent.ACTION_SEND).apply {
                this.type = type
                putExtra(Intent.EXTRA_STREAM, uri)
                putExtra(Intent.EXTRA_SUBJECT, name)
                // The permission is granted for what is in the clip.
                clipData = ClipData.newUri(context.contentResolver, name, uri)
                addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
            }
        return Intent
            .createChooser(intent, name)
            .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
    }
}
