package org.kerasmobilevit.benchmark.engine

import org.kerasmobilevit.core.Clock

/** The phone's own time. */
object SystemTime : Clock {
    override fun nanos(): Long = System.nanoTime()

    override fun sleep(millis: Long) = Thread.sleep(millis)
}
