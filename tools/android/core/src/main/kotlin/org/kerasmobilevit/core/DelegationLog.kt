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
    ): Delegation? = TODO()
}
