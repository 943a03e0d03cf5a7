"""The ranges of a tensor's channels, beside the int8 step that they share."""

from __future__ import annotations

import dataclasses
import difflib
import os
import pathlib

import numpy as np

from keras_mobilevit.image_folders import iterate_files, load_readable
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.png_figures import png_figure
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT32,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.partial_runs import observe_images
from keras_mobilevit.tflite.runtime import ImageModel

_LEVELS = 255
_RANGE, _DEVIATION, _STEP = "#2a7fd4", "#14406a", "#e0702b"


@dataclasses.dataclass(frozen=True, eq=False)
class ChannelRanges:
    """How far the channels of a tensor reach.

    Attributes:
        tensor: Its name.
        low: `(channels,)`, what all but a few values are above.
        high: `(channels,)`, what all but as few are below.
        deviation: `(channels,)`, standard deviations.
        step: Difference of two neighbouring values, if the whole tensor is
            int8 with one scale.
        images: Number of images that it was measured on.
    """

    tensor: str
    low: np.ndarray
    high: np.ndarray
    deviation: np.ndarray
    step: float
    images: int

    @property
    def width(self) -> np.ndarray:
        """`(channels,)`, from the low to the high end."""
        return self.high - self.low


def measure_channels(
    float_model: bytes,
    images: np.ndarray,
    tensor: str,
    percentile: float = 99.99,
) -> ChannelRanges:
    """Measures the channels of one activation of a float file.

    Args:
        float_model: float32 `.tflite` file with one input.
        images: `(count, height, width, channels)`, pixels in [0, 255].
        tensor: Name of the activation.
        percentile: Percentage of the values that a range covers on either
            side, as of a `Recipe`.

    Raises:
        ValueError: If no operation gives a float32 tensor of that name.
    """
    model = read_model(float_model)
    (graph,) = model.subgraphs
    outputs = {
        tensor_name(graph, int(index)): int(index)
        for op in graph.operators
        for index in op.outputs
        if graph.tensors[int(index)].type == FLOAT32
    }
    if tensor not in outputs:
        close = difflib.get_close_matches(tensor, outputs, 3, 0.4)
        raise ValueError(
            f"No operation gives a float32 tensor {tensor!r}. Did you mean "
            f"{' or '.join(map(repr, close or list(outputs)[:3]))}?"
        )
    values = np.concatenate(
        [
            array.reshape(-1, array.shape[-1])
            for (array,) in observe_images(model, images, [outputs[tensor]])
        ]
    )
    ends = 100 - percentile, percentile
    low, high = np.percentile(values, ends, axis=0)
    lowest, highest = np.percentile(values, ends)
    # Zero is always a value of an int8 tensor.
    step = (max(highest, 0.0) - min(lowest, 0.0)) / _LEVELS
    deviation = values.std(axis=0, dtype=np.float64)
    return ChannelRanges(tensor, low, high, deviation, float(step), len(images))


def draw_channels(path: str | os.PathLike, found: ChannelRanges) -> None:
    """Draws ranges and deviations, the widest channel first.

    Args:
        path: PNG file to write.
        found: From `measure_channels`.

    Raises:
        ImportError: If Matplotlib is missing.
    """
    order = np.argsort(-found.width, kind="stable")
    place = np.arange(len(order))
    # A channel that never changes has no place on a logarithmic axis.
    least = found.step / 16
    width = np.maximum(found.width[order], least)
    deviation = np.maximum(found.deviation[order], least)
    with png_figure(path, (8, 3.6), extra="report") as figure:
        axes = figure.subplots()
        bottom = min(deviation.min(), found.step) / 2
        bars = axes.bar(
            *(place, width - bottom),
            bottom=bottom,
            color=_RANGE,
            alpha=0.6,
            label="range of a channel",
        )
        (dots,) = axes.plot(
            *(place, deviation, "o"),
            color=_DEVIATION,
            markersize=4,
            label="its standard deviation",
        )
        line = axes.axhline(
            found.step,
            color=_STEP,
            linewidth=1.5,
            label="one int8 step of the whole tensor",
        )
        axes.set_yscale("log", base=2)
        axes.set_ylim(bottom, 2 * max(width.max(), found.step))
        axes.set_xlim(-1, len(order))
        axes.set_xlabel("channels, the widest first")
        axes.set_ylabel("in units of the activation")
        axes.set_title(found.tensor, parse_math=False, loc="left", fontsize=9)
        axes.legend(
            handles=[bars, dots, line], frameon=False, loc="upper right"
        )


def plot_channel_ranges(
    path: str | os.PathLike,
    float_path: str | os.PathLike,
    data: str | os.PathLike,
    tensor: str,
    limit: int = 24,
) -> ChannelRanges:
    """Measures the channels of one activation on pictures, and draws them.

    Args:
        path: PNG file to write.
        float_path: float32 `.tflite` file.
        data: Folder or tar of pictures.
        tensor: Name of the activation.
        limit: Use at most so many pictures, spread over all.

    Returns:
        What was drawn.

    Raises:
        FileNotFoundError: If the file or the pictures are not there.
        ValueError: If there is no such activation, or no readable picture.
        ImportError: If the `tflite` or `report` extra is not installed.

    Warns:
        UserWarning: Of pictures that can not be read, which are left out.
    """
    import_optional("matplotlib", extra="report")
    network = ImageModel(float_path)
    files = iterate_files(data, limit)
    images = [image for _, image in load_readable(files, network.load_image)]
    found = measure_channels(
        pathlib.Path(float_path).read_bytes(), np.stack(images), tensor
    )
    draw_channels(path, found)
    return found
