"""What runs a detector or a segmentation network, whatever its form."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.tflite.runners import KerasRunner, make_runner
from keras_mobilevit.tflite.runtime import ImageModel

if TYPE_CHECKING:
    import keras

# Rank of what Keras models of a task give.
RANKS = {"classification": 2, "detection": 3, "segmentation": 4}


class Network(NamedTuple):
    """An open network.

    Attributes:
        run: From a batch of pictures to the output for each of them.
        size: `(height, width)` of its input, in pixels.
        kind: What the output is, as `keras_mobilevit.model_info.OutputSpec`
            has it.
        labels: Class names of a file, of a detector without the background;
            may be empty.
        classes: Outputs of a Keras model for each place; `None` for a file.
    """

    run: Callable[[np.ndarray], Iterable[Any]]
    size: tuple[int, int]
    kind: str | None
    labels: tuple[str, ...]
    classes: int | None


def open_network(
    model: keras.Model | ImageModel | str | os.PathLike,
    task: str,
    kinds: Collection[str],
    size: tuple[int, int] | None = None,
    workers: int = 1,
    image: ImageSpec | None = None,
) -> Network:
    """Opens a model for one task.

    Args:
        model: Keras model, or a `.tflite` file, open or not.
        task: `"detection"` or `"segmentation"`.
        kinds: Kinds of outputs that a file may have.
        size: `(height, width)`; needed where the model's own are dynamic.
        workers: Threads, and copies, of a file.
        image: As in `make_runner`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the model is for another task, or of another size.
        ImportError: If the runtime is missing.
    """
    if workers < 1:
        raise ValueError(
            f"`workers` must be 1 or more. Received: workers={workers}"
        )
    runner = make_runner(model, workers, image)
    if isinstance(runner, KerasRunner):
        kind, labels = None, ()
        classes = _keras_outputs(runner.output_shape, task)
    else:
        info = runner.info
        kind, labels, classes = info.output.kind, info.labels, None
        if info.task != task or kind not in kinds:
            raise ValueError(
                f"Expected a .tflite file for {task} that this package wrote, "
                f"whose output is one of {sorted(kinds)}. Received: "
                f"{info.name}, for {info.task}, with the output {kind}"
            )
    size = fixed_size(runner.size, size)
    return Network(runner.run, size, kind, labels, classes)


def _keras_outputs(shape, task):
    """Outputs for each place, if the output is one that fits the task."""
    if isinstance(shape, tuple) and len(shape) == RANKS[task]:
        return shape[-1]
    raise ValueError(
        f"Expected a Keras model for {task}, with one output of rank "
        f"{RANKS[task]}. Received one with the output shape {shape}"
    )


def fixed_size(
    own: tuple[int | None, int | None], wanted: tuple[int, int] | None
) -> tuple[int, int]:
    """The one size that the model and the caller agree on.

    Args:
        own: `(height, width)` of the model; `None` for a side of any size.
        wanted: `(height, width)` that the caller asks for, if any.

    Raises:
        ValueError: If they differ, or neither is fixed.
    """
    size = own if None not in own else wanted
    if size is None:
        raise ValueError(
            "The model takes any size: `size` must be given, as (height, "
            f"width). Received an input of {own}"
        )
    if wanted is not None and tuple(wanted) != size:
        raise ValueError(f"The model takes {own} pixels. Received: {wanted}")
    return tuple(size)
