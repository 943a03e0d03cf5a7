package org.kerasmobilevit.benchmark.ui

import android.os.PowerManager
import org.robolectric.annotation.Implementation
import org.robolectric.annotation.Implements
import org.robolectric.shadows.ShadowPowerManager

/** A phone that reports its thermal headroom. */
@Implements(PowerManager::class)
class ShadowWarmPhone : ShadowPowerManager() {
    @Implementation(minSdk = 30)
    fun getThermalHeadroom(forecastSeconds: Int): Float = 0.45f
}
