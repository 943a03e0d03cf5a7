package org.kerasmobilevit.benchmark.ui.common

import android.content.Context
import org.kerasmobilevit.benchmark.engine.RunClient
import org.kerasmobilevit.benchmark.engine.Runs

/** What screens take from the engine. Tests put something else here. */
object Engine {
    var runs: (Context) -> Runs = { RunClient(it.applicationContext) }
}
