package org.kerasmobilevit.core

/**
 * How much of the graph a delegate runs.
 *
 * @property delegate its name in the log, such as `TfLiteXNNPackDelegate`.
 * @property delegated nodes of the graph that it runs.
 * @property nodes all nodes of the graph.
 * @property partitions parts that these nodes form.
 */
data class Delegation(
    val delegate: String,
    val delegated: Int,
    val nodes: Int,
    val partitions: Int,
) {
    /** Whether nothing is left to others. */
    val isFull: Boolean get() = delegated == nodes
}

/** Reads what the runtime logs about delegation. */
object DelegationLog {
    // "for the whole graph" or "for subgraph 1" comes behind it.
    private val LINE =
        Regex(
            "Replacing (\\d{1,7}) out of (\\d{1,7}) node\\(s\\) with delegate " +
                "\\(([^)]*)\\) node, yielding (\\d{1,7}) partitions(?: for subgraph (\\d{1,7}))?",
        )
    private val DELEGATES =
        mapOf(AcceleratorChoice.CPU to "xnnpack", AcceleratorChoice.GPU to "gpu")

    /**
     * Finds the lines `Replacing N out of M node(s) with delegate (NAME) node, yielding P
     * partitions`, and adds them up if the graph has several subgraphs.
     *
     * @param lines of the own process, oldest first.
     * @param accelerator whose delegate to look for.
     * @return null if there is no such line: unknown, not "nothing delegated".
     */
    fun parse(
        lines: List<String>,
        accelerator: AcceleratorChoice = AcceleratorChoice.CPU,
    ): Delegation? {
        val found =
            lines
                .mapNotNull { LINE.find(it)?.groups }
                .filter { DELEGATES.getValue(accelerator) in it[3]!!.value.lowercase() }
        // A graph that is loaded twice says all of this twice.
        val parts = found.associateBy { it[5]?.value }.values.toList()
        if (parts.isEmpty()) return null

        fun sum(group: Int) = parts.sumOf { it[group]!!.value.toInt() }
        return Delegation(parts.first()[3]!!.value, sum(1), sum(2), sum(4))
    }
}
