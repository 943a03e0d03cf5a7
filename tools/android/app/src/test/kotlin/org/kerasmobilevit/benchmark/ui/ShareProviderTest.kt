package org.kerasmobilevit.benchmark.ui

import android.content.pm.PackageManager
import android.net.Uri
import android.provider.OpenableColumns
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.kerasmobilevit.benchmark.ui.share.ShareProvider
import java.io.File
import java.io.FileNotFoundException

class ShareProviderTest : ScreenTest() {
    private val resolver get() = context.contentResolver
    private val file
        get() = File(ShareProvider.folder(context), "run 1.json").apply { writeText("{}") }

    @Test
    fun `it is not exported`() {
        val provider =
            context.packageManager.resolveContentProvider(
                ShareProvider.AUTHORITY,
                PackageManager.MATCH_ALL,
            )!!
        assertFalse(provider.exported)
        assertTrue(provider.grantUriPermissions)
    }

    @Test
    fun `it gives name, size, type and content`() {
        val uri = ShareProvider.uri(file)
        assertEquals("application/json", resolver.getType(uri))
        resolver.query(uri, null, null, null, null)!!.use {
            assertTrue(it.moveToFirst())
            assertEquals(
                "run 1.json",
                it.getString(it.getColumnIndexOrThrow(OpenableColumns.DISPLAY_NAME)),
            )
            assertEquals(2, it.getLong(it.getColumnIndexOrThrow(OpenableColumns.SIZE)))
        }
        assertEquals("{}", resolver.openInputStream(uri)!!.use { it.reader().readText() })
    }

    @Test
    fun `it gives nothing from other folders`() {
        File(context.cacheDir, "secret.json").writeText("{}")
        for (path in listOf("..%2Fsecret.json", "../secret.json", "secret.json", "..", "")) {
            val uri = Uri.parse("content://${ShareProvider.AUTHORITY}/$path")
            assertThrows(path, FileNotFoundException::class.java) { resolver.openInputStream(uri) }
        }
    }

    @Test
    fun `results are read-only`() {
        val uri = ShareProvider.uri(file)
        assertThrows(FileNotFoundException::class.java) { resolver.openOutputStream(uri, "w") }
    }
}
