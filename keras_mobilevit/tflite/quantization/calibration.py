"""What sample images tell of a float graph's activations.

The quantizer's own calibration averages the ranges of the images, which cuts
off what half of them need; the overall minimum and maximum hang on a single
outlier. Here a range covers a percentage of all values: 99.99 % gave 2 dB
more than minimum and maximum on the embedded checkpoint, and depended less on
which images were drawn.
"""

from __future__ import annotations

import copy
import dataclasses

import numpy as np

from keras_mobilevit.progress import progress_bar
from keras_mobilevit.renamed import takes_old_names
from keras_mobilevit.tflite.flatbuffer import (
    PRODUCTS,
    is_constant,
    op_name,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.partial_runs import observe_images
from keras_mobilevit.tflite.quantization.integer_softmax import (
    known_range,
    observe_integer_softmax,
)

_PIXELS = (0.0, 255.0)
_PROBABILITIES = (0.0, 1.0)
_JOINTS = ("CONCATENATION", "RESHAPE", "SOFTMAX")


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration:
    """What `calibrate` found.

    Attributes:
        ranges: Name of an activation to `(low, high)`.
        means: Name of an activation that is multiplied by weights, to the
            mean of each of its channels, `(channels,)`.
        images: Number of images.
    """

    ranges: dict[str, tuple[float, float]]
    means: dict[str, np.ndarray]
    images: int


@takes_old_names
def calibrate(
    float_model: bytes, images: np.ndarray, percentile: float = 99.99
) -> Calibration:
    """Runs images through a float graph.

    Args:
        float_model: float32 `.tflite` file with one input.
        images: `(count, height, width, channels)`, pixels in [0, 255].
        percentile: Percentage of the values of each activation, in (50, 100],
            that its range covers on either side. Vectors that stand for a
            whole picture, attention weights and lists that come out are
            covered whole: the few large values among them are what matters,
            such as those of the one anchor in thousands that has an object.

    Returns:
        The ranges and means. The input's range is all of [0, 255], that of
        probabilities that come out all of [0, 1].

    Example:
        >>> import pathlib
        >>> import numpy as np
        >>> from keras_mobilevit import tflite
        >>> float_model = pathlib.Path("model.tflite").read_bytes()
        >>> images = np.random.default_rng(0).uniform(0, 255, (4, 32, 48, 3))
        >>> calibration = tflite.calibrate(float_model, images)
        >>> calibration.images
        4
    """
    return calibrate_model(read_model(float_model), images, percentile)


def calibrate_model(
    model, images: np.ndarray, percentile: float = 99.99
) -> Calibration:
    """As `calibrate`, of what `read_model` gives; that stays as it is."""
    model = copy.deepcopy(model)
    observe_integer_softmax(model)
    (graph,) = model.subgraphs
    (image_input,) = graph.inputs
    whole = _covered_whole(model, graph)
    trackers = {
        output: _Range(
            100.0 if output in whole else percentile,
            np.prod(graph.tensors[output].shape) * len(images),
        )
        for op in graph.operators
        for output in op.outputs
    }
    means = {
        op.inputs[0]: 0.0
        for op in graph.operators
        if op_name(model, op) in PRODUCTS
        and is_constant(model, graph, op.inputs[1])
    }
    observed = observe_images(model, images, list(trackers))
    for image, arrays in zip(
        progress_bar(images, desc="calibrating"), observed, strict=True
    ):
        values = {
            image_input: image,
            **dict(zip(trackers, arrays, strict=True)),
        }
        for tensor, tracker in trackers.items():
            tracker.add(values[tensor].ravel())
        for tensor in means:
            axes = tuple(range(values[tensor].ndim - 1))
            mean = values[tensor].mean(axes, dtype=np.float64)
            means[tensor] += mean / len(images)

    ranges = {tensor: tracker.ends() for tensor, tracker in trackers.items()}
    # What may come in and out is known, and not left to the sample.
    ranges[image_input] = _PIXELS
    for op in graph.operators:
        (output,) = op.outputs[:1]
        if op_name(model, op) == "SOFTMAX" and output in graph.outputs:
            ranges[output] = _PROBABILITIES
    named = {tensor_name(graph, t): ends for t, ends in ranges.items()}
    return Calibration(
        {name: known_range(name, *ends) for name, ends in named.items()},
        {tensor_name(graph, tensor): mean for tensor, mean in means.items()},
        len(images),
    )


def _covered_whole(model, graph):
    """Tensors of which every value counts."""
    ends = {t for t in graph.outputs if len(graph.tensors[t].shape) == 3}
    whole = set()
    for op in reversed(graph.operators):
        kind = op_name(model, op)
        # A list that comes out is only put together from these.
        if kind in _JOINTS and ends.intersection(op.outputs):
            ends.update(op.inputs)
        for output in op.outputs:
            shape = graph.tensors[output].shape
            is_vector = np.prod(shape) == np.prod(shape[-1:])
            if is_vector or kind == "SOFTMAX":
                whole.add(output)
    return ends | whole


class _Range:
    """Exact percentiles of a stream of values, out of its extremes alone."""

    def __init__(self, percentile, total):
        # As many values may lie beyond either end. In floats 100 - 99.9 is a
        # little less than 0.1.
        self._outside = int(round(total * (100 - percentile) / 100, 3))
        self._lowest = self._highest = np.empty(0, np.float32)

    def add(self, values):
        self._highest = self._largest(self._highest, values)
        self._lowest = -self._largest(-self._lowest, -values)

    def _largest(self, kept, values):
        """The `outside + 1` largest of both."""
        count = self._outside + 1
        if len(kept) == count:
            values = values[values > kept.min()]
        kept = np.concatenate([kept, values])
        if len(kept) > count:
            kept = np.partition(kept, -count)[-count:]
        return kept

    def ends(self):
        return float(self._lowest.max()), float(self._highest.min())
