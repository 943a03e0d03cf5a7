package org.kerasmobilevit.core

/**
 * How much of the graph a delegate runs.
 *
 * @property delegate its name in the log, such as `TfLiteXNNPackDelegate`.
 * @property delegated nodes of the graph that it runs.
 * @property nodes all nodes of the graph.
 * @property partitions pieces that it runs them in, 1 at best; null if unknown.
 */
data class Delegation(
    val delegate: String,
    val delegated: Int,
    val nodes: Int,
    val partitions: Int?,
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
    private val KERNELS = Regex("by the delegate w/ (\\d{1,7}) delegate kernels")
    private val GPU_KERNELS = Regex("Created (\\d{1,7}) GPU delegate kernels")
    private const val UNDONE = "Restored original execution plan after delegate application failure"
    private val DELEGATES =
        mapOf(AcceleratorChoice.CPU to "xnnpack", AcceleratorChoice.GPU to "gpu")

    /**
     * Finds the lines `Replacing N out of M node(s) with delegate (NAME) node, yielding P
     * partitions`, and adds them up if the graph has several subgraphs.
     *
     * P counts the pieces that are left to others as well, so that it is the number of
     * [Delegation.partitions] only if nothing is left to others. Otherwise that is the number of
     * the delegate's kernels, if it is logged.
     *
     * @param lines of the own process, oldest first.
     * @param accelerator whose delegate to look for.
     * @return null if there is no such line: unknown, not "nothing delegated".
     */
    fun parse(
        lines: List<String>,
        accelerator: AcceleratorChoice = AcceleratorChoice.CPU,
    ): Delegation? {
        val valid = lines.drop(lines.indexOfLast { UNDONE in it } + 1)
        val found =
            valid
                .mapNotNull { LINE.find(it)?.groups }
                .filter { DELEGATES.getValue(accelerator) in it[3]!!.value.lowercase() }
        // A graph that is loaded twice says all of this twice.
        val parts = found.associateBy { it[5]?.value }.values.toList()
        if (parts.isEmpty()) return null

        fun sum(group: Int) = parts.sumOf { it[group]!!.value.toInt() }
        val isFull = sum(1) == sum(2)
        return Delegation(
            parts.first()[3]!!.value,
            sum(1),
            sum(2),
            // Kernels are not logged by subgraph.
            if (isFull) sum(4) else kernels(valid, accelerator).takeIf { parts.size == 1 },
        )
    }

    private fun kernels(
        lines: List<String>,
        accelerator: AcceleratorChoice,
    ): Int? {
        val isGpu = accelerator == AcceleratorChoice.GPU
        val forms = listOfNotNull(KERNELS, GPU_KERNELS.takeIf { isGpu })
        return lines
            .mapNotNull { line -> forms.firstNotNullOfOrNull { it.find(line) } }
            .lastOrNull()
            ?.let { it.groupValues[1].toInt() }
    }
}
