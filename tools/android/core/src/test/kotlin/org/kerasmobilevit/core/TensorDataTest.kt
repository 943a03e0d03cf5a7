package org.kerasmobilevit.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

class TensorDataTest {
    @Test
    fun numbersAreThoseOfNumPy() {
        val cases = Fixtures.cases("outputs/quantized.json")
        assertEquals(6, cases.size)
        for (case in cases) {
            val values = case.ints("values")
            val tensor = tensorSpec(case, listOf(1, values.size))
            assertArrayEquals(
                case.toString(),
                case.doubles("numbers").map { it.toFloat() }.toFloatArray(),
                data(values, tensor.dtype).dequantized(tensor),
                0f,
            )
        }
    }

    @Test
    fun valuesOfAnotherTypeOrSizeAreRefused() {
        val tensor = TensorSpec("output", DType.INT8, listOf(1, 2))
        for (data in listOf(TensorData.Bytes(ByteArray(3)), TensorData.Floats(FloatArray(2)))) {
            assertThrows(IllegalArgumentException::class.java) { data.dequantized(tensor) }
        }
    }

    @Test
    fun booleansAreNumbers() {
        val tensor = TensorSpec("output", DType.BOOL, listOf(2))
        val data = TensorData.Booleans(booleanArrayOf(false, true))
        assertArrayEquals(floatArrayOf(0f, 1f), data.dequantized(tensor), 0f)
    }

    private fun data(
        values: List<Int>,
        dtype: DType,
    ): TensorData =
        when (dtype) {
            DType.INT8, DType.UINT8 -> {
                TensorData.Bytes(ByteArray(values.size) { values[it].toByte() })
            }

            DType.INT64 -> {
                TensorData.Longs(LongArray(values.size) { values[it].toLong() })
            }

            else -> {
                TensorData.Ints(values.toIntArray())
            }
        }
}
