package org.kerasmobilevit.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

class DelegationLogTest {
    @Test
    fun xnnpackOfTheWholeGraph() {
        val lines =
            listOf(
                "11-28 10:00:00.000  1234  1250 I tflite  : Initialized TensorFlow Lite runtime.",
                "I tflite  : Created TensorFlow Lite XNNPACK delegate for CPU.",
                "I tflite  : Replacing 199 out of 200 node(s) with delegate " +
                    "(TfLiteXNNPackDelegate) node, yielding 1 partitions for the whole graph.",
            )
        val delegation = DelegationLog.parse(lines)!!
        assertEquals(Delegation("TfLiteXNNPackDelegate", 199, 200, 1), delegation)
        assertFalse(delegation.isFull)
        assertNull(DelegationLog.parse(lines, AcceleratorChoice.GPU))
    }

    @Test
    fun partitionsOfSubgraphsAreAddedUp() {
        val lines =
            listOf(
                line(10, 10, "TfLiteXNNPackDelegate", 1, " for subgraph 0."),
                line(4, 5, "TfLiteXNNPackDelegate", 2, " for subgraph 1."),
            )
        val expected = Delegation("TfLiteXNNPackDelegate", 14, 15, 3)
        assertEquals(expected, DelegationLog.parse(lines))
        // Loaded again, as by a second interpreter.
        assertEquals(expected, DelegationLog.parse(lines + lines))
    }

    @Test
    fun whatTheGpuLeavesGoesToTheCpu() {
        val lines =
            listOf(
                line(150, 200, "LiteRtGpuDelegate", 3, ""),
                line(53, 53, "TfLiteXNNPackDelegate", 1, ""),
            )
        val gpu = DelegationLog.parse(lines, AcceleratorChoice.GPU)
        assertEquals(Delegation("LiteRtGpuDelegate", 150, 200, 3), gpu)
        assertTrue(DelegationLog.parse(lines, AcceleratorChoice.CPU)!!.isFull)
    }

    @Test
    fun otherLinesAreUnknown() {
        for (text in listOf(
            "Replacing all nodes with delegate (TfLiteXNNPackDelegate) node",
            line(1, 2, "SomeNpuDelegate", 1, ""),
            "Replacing 99999999999 out of 200 node(s) with delegate (TfLiteXNNPackDelegate) node, ",
            "",
        )) {
            assertNull(DelegationLog.parse(listOf(text)))
        }
        assertNull(DelegationLog.parse(emptyList()))
    }

    private fun line(
        delegated: Int,
        nodes: Int,
        delegate: String,
        partitions: Int,
        end: String,
    ) = "Replacing $delegated out of $nodes node(s) with delegate ($delegate) node, " +
        "yielding $partitions partitions$end"
}
