package org.kerasmobilevit.benchmark.engine

import android.app.ActivityManager
import android.app.ActivityManager.RunningAppProcessInfo
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Color
import android.media.ExifInterface
import android.os.Process
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.kerasmobilevit.benchmark.TestFiles
import org.kerasmobilevit.benchmark.Unheard
import org.kerasmobilevit.core.Clock
import org.kerasmobilevit.core.MemoryMetrics
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import java.io.File

/** What the engine reads from the phone, and its files. */
@RunWith(RobolectricTestRunner::class)
class DeviceFilesTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val context = RuntimeEnvironment.getApplication()

    @Test
    fun `memory is what the kernel counts`() {
        val status = File(folder.root, "status")
        val memory = MemoryUse(status)
        status.writeText("Name:\tapp\nVmHWM:\t  2048 kB\nVmRSS:\t  1000 kB\n")
        memory.begin()
        status.writeText("VmHWM:\t  3072 kB\nVmRSS:\t  1500 kB\n")
        memory.ready()
        status.writeText("VmHWM:\t  5120 kB\nVmRSS:\t  1400 kB\n")
        assertEquals(MemoryMetrics(500, 400, 5.0), memory.end())
    }

    @Test
    fun `memory that the kernel hides is unknown`() {
        val memory = MemoryUse(File(folder.root, "missing"))
        memory.begin()
        memory.ready()
        assertEquals(MemoryMetrics(null, null, null), memory.end())
    }

    @Test
    fun `a core without a frequency is left out`() {
        File(folder.root, "cpu0/cpufreq").mkdirs()
        File(folder.root, "cpu0/cpufreq/cpuinfo_max_freq").writeText("not a number")
        assertEquals(emptyList<Long>(), DeviceFacts(context, folder.root).maxFrequenciesKhz())
        val missing = File(folder.root, "missing")
        assertEquals(emptyList<Long>(), DeviceFacts(context, missing).maxFrequenciesKhz())
    }

    @Test
    @Config(sdk = [24, 35])
    fun `only the app on the screen is in the foreground`() {
        fun isForeground(importance: Int): Boolean {
            val process = RunningAppProcessInfo(context.packageName, Process.myPid(), null)
            process.importance = importance
            shadowOf(context.getSystemService(ActivityManager::class.java))
                .setProcesses(listOf(process))
            return DeviceFacts(context, folder.root).isForeground()
        }
        assertTrue(isForeground(RunningAppProcessInfo.IMPORTANCE_FOREGROUND))
        // As an instrumented process without a window.
        assertFalse(isForeground(RunningAppProcessInfo.IMPORTANCE_FOREGROUND_SERVICE))
        assertFalse(isForeground(RunningAppProcessInfo.IMPORTANCE_SERVICE))
        val isOld = RuntimeEnvironment.getApiLevel() < 29
        assertEquals(isOld, isForeground(RunningAppProcessInfo.IMPORTANCE_VISIBLE))
    }

    @Test
    fun `one moment in the background is enough`() {
        val seen = mutableListOf(true, true, false, true, true)
        val clock =
            object : Clock {
                var now = 0L

                override fun nanos() = now

                override fun sleep(millis: Long) = Unit
            }
        val watch = ForegroundWatch({ seen.removeAt(0) }, Unheard, clock)
        assertTrue(watch.hasStayed())
        repeat(21) {
            watch.onProgress(it, 100)
            clock.now += 100_000_000
        }
        assertEquals(2, seen.size)
        assertFalse(watch.hasStayed())
        // But not while it waits.
        watch.onWaiting(1.0, 0.5)
        assertTrue(watch.hasStayed())
    }

    @Test
    @Config(sdk = [24, 35])
    fun `heat is asked for on every version of Android`() {
        Thermals(context).use { heat ->
            assertTrue(heat.headroom().let { it == null || !it.isNaN() })
            assertTrue(heat.status().let { it == null || it in 0..6 })
        }
    }

    @Test
    @Config(sdk = [24])
    fun `old versions of Android know nothing of heat`() {
        Thermals(context).use { heat ->
            assertNull(heat.headroom())
            assertNull(heat.status())
        }
    }

    @Test
    fun `a photo is turned upright`() {
        // The left half red, the right half blue.
        val bitmap = Bitmap.createBitmap(32, 16, Bitmap.Config.ARGB_8888)
        for (x in 0 until 32) {
            for (y in 0 until 16) bitmap.setPixel(x, y, if (x < 16) Color.RED else Color.BLUE)
        }
        val file = File(folder.root, "turned.jpg")
        file.outputStream().use { bitmap.compress(Bitmap.CompressFormat.JPEG, 100, it) }
        ExifInterface(file.path).apply {
            setAttribute(
                ExifInterface.TAG_ORIENTATION,
                ExifInterface.ORIENTATION_ROTATE_90.toString(),
            )
            saveAttributes()
        }
        val upright = Photos.decode(file)
        assertEquals(16 to 32, upright.width to upright.height)
        // Clockwise by a quarter, so that the left is on top.
        assertTrue(Color.red(upright.getPixel(8, 4)) > 200)
        assertTrue(Color.blue(upright.getPixel(8, 28)) > 200)
    }

    @Test
    fun `pixels are those of the file`() {
        val bitmap = Photos.decode(TestFiles.photo)
        val expected = BitmapFactory.decodeFile(TestFiles.photo.path)
        val pixels = Photos.pixels(bitmap)
        assertEquals(expected.width to expected.height, pixels.width to pixels.height)
        val pixel = expected.getPixel(100, 50)
        val at = 3 * (50 * pixels.width + 100)
        assertEquals(
            listOf(Color.red(pixel), Color.green(pixel), Color.blue(pixel)),
            (0..2).map { pixels.pixels[at + it].toInt() and 0xff },
        )
    }

    @Test
    fun `previews are decoded smaller`() {
        val whole = Photos.decode(TestFiles.photo)
        val most = whole.width * whole.height / 3
        val small = Photos.decode(TestFiles.photo, most)
        assertEquals(whole.width / 2 to whole.height / 2, small.width to small.height)
    }

    @Test
    fun `a file that is no picture is a failure`() {
        val file = File(folder.root, "text.png").apply { writeText("no picture") }
        val error = assertThrows(FailureException::class.java) { Photos.decode(file) }
        assertEquals(FailureKind.STORAGE, error.failure.kind)
    }

    @Test
    fun `bundled models are unpacked once`() {
        val files = BundledModels.files(context)
        assertEquals(
            listOf(
                "mobilevit_xxs_cifar10_float32.tflite",
                "mobilevit_xxs_cifar10_int8.tflite",
            ),
            files.map { it.name },
        )
        assertTrue(files.all { ModelFiles.read(it).info.name == "mobilevit_xxs" })
        val before = files.map { it.lastModified() }
        assertEquals(before, BundledModels.files(context).map { it.lastModified() })
        // Cut off, of an older version, and in the way of a new copy.
        val (blocked, old) = files
        blocked.delete()
        File(blocked.path + ".part/inside").mkdirs()
        old.writeText("old")
        old.setLastModified(1000)
        shadowOf(context.packageManager)
            .getInternalMutablePackageInfo(context.packageName)
            .lastUpdateTime = 2000
        assertEquals(listOf(old), BundledModels.files(context))
        assertTrue(ModelFiles.read(old).info.name == "mobilevit_xxs")
    }
}
