package org.kerasmobilevit.benchmark.ui

import android.app.Activity
import android.os.Bundle
import org.kerasmobilevit.benchmark.R

/** The list of models. */
class MainActivity : Activity() {
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.main)
    }
}
