package org.kerasmobilevit.core

/** How many threads a phone's CPU is good for. */
object BigCores {
    private const val SHARE_OF_HIGHEST = 0.8

    /**
     * Number of cores whose maximum frequency is at least four fifths of the highest: prime and
     * performance cores, but not the small ones.
     *
     * @param maxFrequenciesKhz of each core, as in `cpufreq/cpuinfo_max_freq`.
     * @return 1 if none is known.
     */
    fun count(maxFrequenciesKhz: List<Long>): Int {
        val highest = maxFrequenciesKhz.maxOrNull() ?: return 1
        return maxFrequenciesKhz.count { it >= SHARE_OF_HIGHEST * highest }.coerceAtLeast(1)
    }
}
