"""Quantization recipes as data, each a function that says when to use it."""

from __future__ import annotations

import dataclasses

INT8_BITS = 8


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What becomes of the float graph.

    Attributes:
        name: Name on the command line and in the file's metadata.
        weights: `"float32"`, `"float16"` or `"int8"`.
        static_int8: Whether activations are int8 as well, with ranges from
            calibration.
        float_ops: TFLite operations that stay float, everywhere.
        float_scopes: Regular expressions over output tensor names;
            operations that match stay float.
        percentile: Percentile over the calibration images at which their
            largest (and, mirrored, smallest) values are cut. On the
            embedded checkpoint, 90, 95, 99 and 100 differ by about 1 dB.
    """

    name: str
    weights: str
    static_int8: bool = False
    float_ops: tuple[str, ...] = ()
    float_scopes: tuple[str, ...] = ()
    percentile: float = 100.0


def float32() -> Recipe:
    """The deploy form as it is: the reference to compare with."""
    return Recipe("float32", weights="float32")


def float16() -> Recipe:
    """Half the size, the accuracy of float32, no calibration.

    Kernels still compute in float32 where the processor has no half floats,
    so it is smaller, not faster.
    """
    return Recipe("float16", weights="float16")


def int8() -> Recipe:
    """The fastest and smallest file on a CPU with XNNPACK.

    Convolutions, dense layers, activations, residual sums and both attention
    products are int8. Softmax and the norms stay float, because XNNPACK has
    no int8 kernel for them: in int8 they would fall to slow reference code
    and cut the graph into pieces. Needs about a hundred calibration images.
    """
    return Recipe(
        "int8",
        weights="int8",
        static_int8=True,
        float_ops=("SOFTMAX",),
        # Folding tokens back into a map follows a norm and has no int8 form
        # in the quantizer: int8 would only add conversions.
        float_scopes=("rms_norm", "/fold/"),
    )


RECIPES = {recipe.__name__: recipe for recipe in (float32, float16, int8)}
