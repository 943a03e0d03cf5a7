package org.kerasmobilevit.core

/** How many threads a phone's CPU is good for. */
object BigCores {
    /**
     * Number of cores whose maximum frequency is at least four fifths of the highest: prime and
     * performance cores, but not the small ones.
     *
     * @param maxFrequenciesKhz of each core, as in `cpufreq/cpuinfo_max_freq`.
     * @return 1 if none is known.
     */
    fun count(maxFrequenciesKhz: List<Long>): Int = TODO()
}
