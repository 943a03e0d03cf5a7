package org.kerasmobilevit.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

class DelegationLogTest {
    @Test
    fun xnnpackOfMostOfTheGraph() {
        val lines =
            listOf(
                "11-28 10:00:00.000  1234  1250 I tflite  : Initialized TensorFlow Lite runtime.",
                "I tflite  : Created TensorFlow Lite XNNPACK delegate for CPU.",
                "I tflite  : Replacing 199 out of 200 node(s) with delegate " +
                    "(TfLiteXNNPackDelegate) node, yielding 2 partitions for the whole graph.",
            )
        val delegation = DelegationLog.parse(lines)!!
        // The piece may be the delegate's or what is left: it is not told how many of each.
        assertEquals(Delegation("TfLiteXNNPackDelegate", 199, 200, null), delegation)
        assertFalse(delegation.isFull)
        assertNull(DelegationLog.parse(lines, AcceleratorChoice.GPU))
    }

    @Test
    fun partitionsOfSubgraphsAreAddedUp() {
        val lines =
            listOf(
                line(10, 10, "TfLiteXNNPackDelegate", 1, " for subgraph 0."),
                line(5, 5, "TfLiteXNNPackDelegate", 1, " for subgraph 1."),
            )
        val expected = Delegation("TfLiteXNNPackDelegate", 15, 15, 2)
        assertEquals(expected, DelegationLog.parse(lines))
        // Loaded again, as by a second interpreter.
        assertEquals(expected, DelegationLog.parse(lines + lines))
        val partly = lines.take(1) + line(4, 5, "TfLiteXNNPackDelegate", 3, " for subgraph 1.")
        assertEquals(
            Delegation("TfLiteXNNPackDelegate", 14, 15, null),
            DelegationLog.parse(partly + "executed by the delegate w/ 3 delegate kernels."),
        )
    }

    @Test
    fun whatTheGpuLeavesGoesToTheCpu() {
        val lines =
            listOf(
                line(150, 200, "LiteRtGpuDelegate", 3, ""),
                line(53, 53, "TfLiteXNNPackDelegate", 1, ""),
            )
        val gpu = DelegationLog.parse(lines, AcceleratorChoice.GPU)
        assertEquals(Delegation("LiteRtGpuDelegate", 150, 200, null), gpu)
        assertTrue(DelegationLog.parse(lines, AcceleratorChoice.CPU)!!.isFull)
    }

    @Test
    fun kernelsAreThePartitionsOfTheDelegate() {
        val gpu = line(150, 200, "TfLiteGpuDelegateV2", 5, "")
        val cpu = line(40, 50, "TfLiteXNNPackDelegate", 4, "")
        val created = "INFO: Created 2 GPU delegate kernels."
        val explicit =
            "Explicitly applied XNNPACK delegate, and the model graph will be partially executed " +
                "by the delegate w/ 3 delegate kernels."
        assertEquals(
            Delegation("TfLiteGpuDelegateV2", 150, 200, 2),
            DelegationLog.parse(listOf(gpu, created, cpu), AcceleratorChoice.GPU),
        )
        assertNull(DelegationLog.parse(listOf(gpu, created, cpu))!!.partitions)
        assertEquals(3, DelegationLog.parse(listOf(cpu, explicit))!!.partitions)
    }

    @Test
    fun whatWasUndoneDoesNotCount() {
        val undone =
            listOf(
                line(200, 200, "TfLiteGpuDelegateV2", 1, ""),
                "Created 1 GPU delegate kernels.",
                "E tflite: Restored original execution plan after delegate application failure.",
            )
        assertNull(DelegationLog.parse(undone, AcceleratorChoice.GPU))
        val again = undone + line(150, 200, "TfLiteGpuDelegateV2", 3, "")
        assertEquals(
            Delegation("TfLiteGpuDelegateV2", 150, 200, null),
            DelegationLog.parse(again, AcceleratorChoice.GPU),
        )
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
