package org.kerasmobilevit.benchmark.engine

import android.annotation.TargetApi
import android.content.Context
import android.os.Build
import android.os.PowerManager
import org.kerasmobilevit.core.Heat

/** Heat of the phone, as far as its version of Android tells. */
class Thermals(
    context: Context,
) : Heat,
    AutoCloseable {
    private val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager

    @Volatile
    private var latest: Double? = null
    private var subscription: AutoCloseable? = null

    init {
        if (Build.VERSION.SDK_INT >= 36) {
            subscription = subscribe(context)
        }
    }

    /** Android answers once a second at most: in between, the value is the one before. */
    override fun headroom(): Double? {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) {
            quietly { power.getThermalHeadroom(0).toDouble() }
                ?.takeUnless { it.isNaN() }
                ?.let { latest = it }
        }
        return latest
    }

    override fun status(): Int? =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) {
            quietly { power.currentThermalStatus }
        } else {
            null
        }

    override fun close() {
        subscription?.close()
        subscription = null
    }

    @TargetApi(36)
    private fun subscribe(context: Context): AutoCloseable? {
        val listener =
            PowerManager.OnThermalHeadroomChangedListener { headroom, _, _, _ ->
                if (!headroom.isNaN()) latest = headroom.toDouble()
            }
        return quietly {
            power.addThermalHeadroomListener(context.mainExecutor, listener)
            AutoCloseable { quietly { power.removeThermalHeadroomListener(listener) } }
        }
    }

    /** Phones without a sensor throw different exceptions. */
    private fun <T> quietly(ask: () -> T): T? =
        try {
            ask()
        } catch (_: RuntimeException) {
            null
        }
}
