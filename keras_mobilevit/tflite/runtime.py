"""Pictures through `.tflite` files."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from keras_mobilevit.class_scores import (
    as_two_classes,
    label_probabilities,
    to_probabilities,
)
from keras_mobilevit.deprecation import moved_attribute
from keras_mobilevit.images import load_input
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.pixel_scaling import scaling_of
from keras_mobilevit.problem_types import ScoreFormat, recorded_format
from keras_mobilevit.tflite.flatbuffer import read_model
from keras_mobilevit.tflite.interpreters import LITERT, make_interpreter
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.output_scores import output_scores

if TYPE_CHECKING:
    from keras_mobilevit.images import ImageSource


class Prediction(NamedTuple):
    """One class of a picture.

    Attributes:
        label: Name of the class, or its index where the file has no names.
        probability: In [0, 1].

    Example:
        >>> from keras_mobilevit import tflite
        >>> model = tflite.ImageModel("model.tflite")
        >>> best, *others = model.classify("photo.jpg")
        >>> best.label in model.info.labels
        True
        >>> all(best.probability >= other.probability for other in others)
        True
    """

    label: str
    probability: float


class Value(NamedTuple):
    """One number of a model that gives values, not scores of classes.

    Attributes:
        label: Name of the number, or its index where the file has no names.
        value: The number.

    Example:
        >>> from keras_mobilevit.tflite.runtime import Value
        >>> Value("age", 31.5).value
        31.5
    """

    label: str
    value: float


class ImageModel:
    """A `.tflite` file with one image in, and any outputs.

    Quantized inputs and outputs are converted, so that pixels go in and
    numbers come out of any file alike.

    Args:
        path: The file.
        num_threads: Threads of the interpreter.
        runtime: As in `make_interpreter`.

    Attributes:
        path: The file.
        info: What the file says of itself.
        output_names: Names of the outputs, by its signature if it has one.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no TFLite file, or not of that form.
        ImportError: If the runtime is missing.

    Example:
        >>> from keras_mobilevit import tflite
        >>> model = tflite.ImageModel("model.tflite")
        >>> model.size, model.info.labels
        ((32, 48), ('ant', 'bee', 'cow', 'dog', 'eel'))
        >>> len(model.classify("photo.jpg", top=3))
        3
        >>> model.predict(model.load_image("photo.jpg")).shape
        (5,)
    """

    def __init__(
        self,
        path: str | os.PathLike,
        num_threads: int = 1,
        runtime: str = LITERT,
    ):
        self.path = pathlib.Path(path)
        self._how = num_threads, runtime
        self._interpreter = make_interpreter(path, num_threads, runtime)
        self._input = _image_input(self._interpreter, path)
        self._outputs = named_outputs(self._interpreter)
        self.output_names = tuple(self._outputs)
        self.info = read_metadata(path) or ModelInfo(
            name=self.path.stem, recipe="unknown"
        )

    def __getattr__(self, name: str) -> Any:
        return moved_attribute(self, name, {"metadata": "info"})

    def reopen(self) -> ImageModel:
        """Opens the same file once more, for another thread."""
        copy = ImageModel(self.path, *self._how)
        # Of a file of others, the caller may know more than it says.
        copy.info = self.info
        return copy

    @functools.cached_property
    def _found(self) -> ScoreFormat:
        return output_scores(read_model(self.path.read_bytes()))

    @property
    def scores(self) -> ScoreFormat:
        """How to read the output of a classifier: as recorded, or as its last
        operations tell."""
        return recorded_format(self.info.output, self._found)

    @property
    def size(self) -> tuple[int, int]:
        """`(height, width)` of the input, in pixels."""
        return self.shape[:2]

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of the input."""
        return tuple(self._input["shape"][1:].tolist())

    def load_image(self, source: ImageSource) -> np.ndarray:
        """Reads a picture with this model's size, crop and channels.

        For detection and segmentation it is resized whole.

        Args:
            source: As in `keras_mobilevit.images.open_image`.

        Returns:
            uint8 array of `shape`: RGB, or luma for one channel, or what else
            `info.image.channel_order` says.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no picture, or the model has 2 or 4 channels.
        """
        return load_input(source, self.size, self.info.image, self.shape[2])

    def set_image(self, image: np.ndarray) -> None:
        """Sets the input from pixels of `shape` in [0, 255].

        They are scaled as `info.image` says; their channels are in the order
        that it says, as of `load_image`.

        Raises:
            ValueError: If the array has another shape.
        """
        if image.shape != self.shape:
            raise ValueError(
                f"Expected pixels of shape {self.shape}. Received: "
                f"{image.shape}"
            )
        scaling = scaling_of(self.info.image)
        if not scaling.is_identity:
            image = scaling.apply(image)
        self._interpreter.set_tensor(
            self._input["index"],
            quantize_pixels(image[None], self._input, scaling.is_identity),
        )

    def invoke(self) -> None:
        """Runs the graph on the input that was set last.

        Raises:
            ValueError: If an operation of a damaged file can not run.
        """
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise ValueError(
                f"Expected a complete .tflite file at {self.path}. Received "
                f"one that LiteRT can not run ({error})."
            ) from error

    def predict(self, image: np.ndarray) -> np.ndarray | dict[str, np.ndarray]:
        """Output for pixels of `shape` in [0, 255].

        Returns:
            The output without its batch axis, such as `(classes,)`; of a
            file with several outputs, a dictionary of them by name.
        """
        self.set_image(image)
        self.invoke()
        outputs = {
            name: _dequantize(
                self._interpreter.get_tensor(details["index"])[0], details
            )
            for name, details in self._outputs.items()
        }
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def classify(
        self, source: ImageSource, top: int | None = None
    ) -> list[Prediction] | list[Value]:
        """The most probable classes of a picture, as `named_results` does.

        What the numbers are the file says itself; of one that does not, its
        last operations tell.

        Raises:
            ValueError: If the model does not give one vector.
        """
        output = self.predict(self.load_image(source))
        if isinstance(output, dict) or output.ndim != 1:
            raise ValueError(
                "Only a model that gives one vector can classify; use "
                f"`predict`. Received one that gives {self._shapes()}"
            )
        (results,) = named_results(
            output[None], self.info.output_labels, self.scores, top
        )
        return results

    def _shapes(self):
        return {
            name: tuple(details["shape"].tolist())
            for name, details in self._outputs.items()
        }


def named_results(
    outputs: np.ndarray,
    labels: Sequence[str],
    scores: ScoreFormat,
    top: int | None = None,
) -> list[list[Prediction]] | list[list[Value]]:
    """Names what a classifier says of each picture.

    Args:
        outputs: Its numbers, `(pictures, n)`.
        labels: Their names, of a single score those of both classes or of the
            second alone; may be empty.
        scores: How to read them.
        top: At most so many classes, from 1; by default 5, and of several
            labels all.

    Returns:
        For each picture its most probable classes, best first; of several
        labels those whose probability is more than 0.5; or all values, in
        their order.

    Raises:
        ValueError: If there are not as many names as numbers, or `top` is
            less than 1.
    """
    if top is not None and top < 1:
        raise ValueError(f"`top` must be 1 or more. Received: top={top}")
    problem, kind = scores.problem_type, scores.kind
    if problem == "regression":
        names = _names(labels, outputs.shape[1], "values")
        return [
            [Value(*pair) for pair in zip(names, row.tolist(), strict=True)]
            for row in outputs
        ]
    least = 0.0
    if problem == "multi_label":
        probabilities, least = label_probabilities(outputs, kind), 0.5
    else:
        top = 5 if top is None else top
        if outputs.shape[1] == 1:
            outputs, kind = as_two_classes(outputs, kind)
            if len(labels) == 1:
                labels = (f"not {labels[0]}", *labels)
        probabilities = to_probabilities(outputs, kind)
    names = _names(labels, probabilities.shape[1], "classes")
    return [
        [
            Prediction(names[i], float(row[i]))
            for i in np.argsort(-row, kind="stable")[:top]
            if not least or row[i] > least
        ]
        for row in probabilities
    ]


def _names(labels, count, what):
    names = tuple(labels) or tuple(map(str, range(count)))
    if len(names) != count:
        raise ValueError(
            f"The model has {count} {what}. Received: {len(names)} labels"
        )
    return names


def _image_input(interpreter, path):
    """The input's details, if it is one picture of fixed size."""
    inputs = interpreter.get_input_details()
    shapes = [tuple(details["shape_signature"].tolist()) for details in inputs]
    if len(shapes) == 1 and len(shapes[0]) == 4:
        batch, height, width, channels = shapes[0]
        if batch in (-1, 1) and min(height, width) > 0 and 1 <= channels <= 4:
            return inputs[0]
    raise ValueError(
        f"Expected one input (1, height, width, channels) in {path}, of fixed "
        f"size and with 1 to 4 channels. Received: {shapes}"
    )


def named_outputs(interpreter: Any) -> dict[str, dict[str, Any]]:
    """Name of each output -> LiteRT's details, in the file's order.

    Args:
        interpreter: With its tensors allocated.
    """
    names = {}
    for signature in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(signature)
        for name, details in runner.get_output_details().items():
            names.setdefault(details["index"], name)
    return {
        names.get(details["index"], details["name"]): details
        for details in interpreter.get_output_details()
    }


# === Quantized inputs and outputs ===


def quantize_pixels(
    pixels: np.ndarray, details: Mapping[str, Any], unscaled: bool = True
) -> np.ndarray:
    """Converts pixels to the type of an input.

    Args:
        pixels: As the model wants them.
        details: LiteRT's, of the input.
        unscaled: Whether they are in [0, 255].

    Raises:
        ValueError: If they are, and the range of a quantized input is another.
    """
    scale, zero_point = details["quantization"]
    dtype = details["dtype"]
    if not np.issubdtype(dtype, np.integer):
        return pixels.astype(dtype)
    limits = np.iinfo(dtype)
    if scale == 0:
        # Integers without a scale are what they are.
        scale, zero_point = 1.0, 0
    highest = scale * (limits.max - zero_point)
    if unscaled and highest < 128:
        raise ValueError(
            f"The input of the file ends at {highest:g}, so it does not take "
            "pixels in [0, 255] but something that was made of them. Export "
            "the model with its preprocessing inside, or say how its input is "
            "scaled: `scaling` of `open_model`."
        )
    values = np.round(pixels / scale) + zero_point
    return np.clip(values, limits.min, limits.max).astype(dtype)


def _dequantize(values, details):
    scale, zero_point = details["quantization"]
    if scale == 0:
        return values
    return np.float32(scale) * (values.astype(np.float32) - zero_point)
