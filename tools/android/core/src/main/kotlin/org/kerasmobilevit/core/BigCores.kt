package org.kerasmobilevit.core

/** How many threads a phone's CPU is good for. */
object BigCores {
    private const val SHARE_OF_HIGHEST = 0.8
    private const val MOST_IF_UNKNOWN = 4

    /**
     * Number of cores whose maximum frequency is at least four fifths of the highest: prime and
     * performance cores, but not the small ones.
     *
     * @param maxFrequenciesKhz of each core, as in `cpufreq/cpuinfo_max_freq`.
     * @param cores all cores of the device.
     * @return a guess if no frequency is known: all cores, but at most 4.
     */
    fun count(
        maxFrequenciesKhz: List<Long>,
        cores: Int = Runtime.getRuntime().availableProcessors(),
    ): Int {
        val highest = maxFrequenciesKhz.maxOrNull() ?: return cores.coerceIn(1, MOST_IF_UNKNOWN)
        return maxFrequenciesKhz.count { it >= SHARE_OF_HIGHEST * highest }.coerceAtLeast(1)
    }
}
