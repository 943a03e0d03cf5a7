"""How a network is compressed, as data: what tfmot is told."""

from __future__ import annotations

import dataclasses
import re

from keras_mobilevit.training.checked import (
    Checked,
    choice,
    flag,
    number,
    text,
    whole,
)

# The export takes the mean over the output channels away from these kernels
# (`keras_mobilevit/layers/inference.py`): zeros would end as other numbers.
_CENTRED = r".*\.(project_in|attention_output|dense2)$"
# And here it multiplies each input channel by a number of its own.
_SCALED = r".*\.(query|key|value|dense1)$"


class Method(Checked):
    """Base of the methods.

    Each has a field `skip`, a regular expression: layers whose name it
    matches from the start stay as they are. Names are those of the Keras
    layers with dots, such as `stage3_block.transformer_0.dense1`.
    """

    skip: str

    def __post_init__(self):
        super().__post_init__()
        try:
            re.compile(self.skip)
        except re.error as error:
            raise ValueError(
                f"`{self.dotted('skip')}` must be a regular expression "
                f"({error}). Received: skip={self.skip!r}"
            ) from error

    def skips(self, name: str) -> bool:
        """Whether the layer of a name stays as it is."""
        return bool(self.skip) and re.match(self.skip, name) is not None


@dataclasses.dataclass(frozen=True)
class Pruning(Method):
    """Sets the smallest weights of each kernel to zero.

    Kernels of convolutions, of dense layers and of attention's projections
    are pruned; depthwise kernels, less than a hundredth of the weights, are
    not, nor are biases and norms. By default the stem stays as it is, and so
    do the kernels in which a `.tflite` file would have no zeros.

    Attributes:
        sparsity: Share of zeros in each kernel.
        ramp: Share of the steps over which the zeros become as many, along a
            polynomial of the third degree.
        pattern: `"2:4"` for at least two zeros in any four neighbouring input
            channels, or other such numbers; `sparsity` is then not looked at.
        block: `"4x1"` for zeros in blocks of four input and one output
            channels; in dense layers only, since tfmot knows no blocks of
            convolutions, whose weights are pruned one by one.
        skip: As in `Method`.

    Example:
        >>> from keras_mobilevit import compression
        >>> method = compression.Pruning(pattern="2:4")
        >>> method.pattern_numbers
        (2, 4)
        >>> method.skips("stem.conv")
        True
    """

    sparsity: float = number(0.5, "(0, 1)")
    ramp: float = number(0.6, "(0, 1]")
    pattern: str = text(
        "", pattern=r"|[1-9]\d*:[1-9]\d*", expected="such as '2:4', or empty"
    )
    block: str = text(
        "1x1", pattern=r"[1-9]\d*x[1-9]\d*", expected="such as '4x1'"
    )
    skip: str = text(rf"stem\.|{_CENTRED}")

    def __post_init__(self):
        super().__post_init__()
        if self.pattern:
            zeros, group = self.pattern_numbers
            if zeros >= group or self.block != "1x1":
                raise ValueError(
                    "`pruning.pattern` must be fewer zeros than weights, and "
                    "without blocks. Received: "
                    f"pattern={self.pattern!r}, block={self.block!r}"
                )

    @property
    def pattern_numbers(self) -> tuple[int, int]:
        """Zeros, and the weights among which they are."""
        zeros, group = map(int, self.pattern.split(":"))
        return zeros, group

    @property
    def block_sides(self) -> tuple[int, int]:
        """Input and output channels of a block."""
        rows, columns = map(int, self.block.split("x"))
        return rows, columns


@dataclasses.dataclass(frozen=True)
class Clustering(Method):
    """Lets each kernel have only a few different weights.

    The kernels are those of `Pruning`. By default the stem stays as it is,
    and so do the transformers, whose kernels a `.tflite` file has folded with
    other numbers; what convolutions have in common with their batch norms
    is one factor a channel.

    Attributes:
        clusters: Different weights in a kernel.
        initial: How the first ones are chosen.
        keep_zeros: Whether weights that are zero stay zero, in skipped layers
            too, for a model that was pruned before; zero is then one of the
            clusters.
        per_channel: Whether each output channel of a convolution has its own.
        skip: As in `Method`.

    Example:
        >>> from keras_mobilevit import compression
        >>> method = compression.Clustering(clusters=16, keep_zeros=True)
        >>> method.skips("stem.conv")
        True
    """

    clusters: int = whole(16, "[3, 256]")
    initial: str = choice(
        "kmeans++", ("kmeans++", "linear", "density", "random")
    )
    keep_zeros: bool = flag(False)
    per_channel: bool = flag(False)
    skip: str = text(rf"stem\.|{_CENTRED}|{_SCALED}")


@dataclasses.dataclass(frozen=True)
class QuantizationAware(Method):
    """Trains with the rounding of int8 (quantization-aware training).

    Weights of convolutions, depthwise ones too, and of dense layers are
    rounded with one scale an output channel, as the int8 recipes do; so are
    the outputs of these layers, of activations, residual sums, norms and
    attention. Inside norms and attention nothing is. Only the weights are
    kept: the export measures its own ranges. It also folds norms into the
    dense layers behind them before it rounds, so for transformers the
    rounding is like that of the file, but not the same.

    Attributes:
        keep_zeros: Whether weights that are zero stay zero, for a model that
            was pruned before.
        skip: As in `Method`.

    Example:
        >>> from keras_mobilevit import compression
        >>> method = compression.QuantizationAware(skip="stem.*")
        >>> method.skips("stem.conv"), method.skips("head.conv")
        (True, False)
    """

    keep_zeros: bool = flag(False)
    skip: str = text("")


METHODS: dict[str, type[Method]] = {
    "prune": Pruning,
    "cluster": Clustering,
    "qat": QuantizationAware,
}


@dataclasses.dataclass(frozen=True)
class FineTuning(Checked):
    """The training that goes along: Adam, and half a cosine down to zero.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images a step.
        learning_rate: Rate of the first step.
        seed: Seed of order and augmentation.

    Example:
        >>> from keras_mobilevit import compression
        >>> compression.FineTuning(epochs=3, batch_size=64).learning_rate
        0.0001
    """

    epochs: int = whole(1, "[1, inf)")
    batch_size: int = whole(32, "[1, inf)")
    learning_rate: float = number(1e-4, "(0, inf)")
    seed: int = whole(0, "[0, inf)")
