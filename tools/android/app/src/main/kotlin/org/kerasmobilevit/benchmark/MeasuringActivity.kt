package org.kerasmobilevit.benchmark

import android.app.Activity
import android.os.Bundle
import android.view.WindowManager

/** On the screen while [BenchmarkInstrumentation] measures: it draws once, and is idle then. */
class MeasuringActivity : Activity() {
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        setContentView(R.layout.measuring)
    }
}
