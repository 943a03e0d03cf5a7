"""Pictures through `.tflite` files."""

from __future__ import annotations

import os
import pathlib
from typing import NamedTuple

import numpy as np

from keras_mobilevit.class_scores import to_probabilities
from keras_mobilevit.extras import require
from keras_mobilevit.images import load_image, load_whole
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite.interpreters import LITERT, make_interpreter
from keras_mobilevit.tflite.metadata import read_metadata


class Prediction(NamedTuple):
    """One class of a picture.

    Attributes:
        label: Name of the class, or its index where the file has no names.
        probability: In [0, 1].
    """

    label: str
    probability: float


class ImageModel:
    """A `.tflite` file with one image in, and any outputs.

    Quantized inputs and outputs are converted, so that pixels go in and
    numbers come out of any file alike.

    Args:
        path: The file.
        num_threads: Threads of the interpreter.
        runtime: As in `make_interpreter`.

    Attributes:
        info: What the file says of itself.
        output_names: Names of the outputs, by its signature if it has one.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no TFLite file, or not of that form.
        ImportError: If the runtime is missing.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        num_threads: int = 1,
        runtime: str = LITERT,
    ):
        self._path = path
        self._interpreter = make_interpreter(path, num_threads, runtime)
        self._input = _image_input(self._interpreter, path)
        self._outputs = _named_outputs(self._interpreter)
        self.output_names = tuple(self._outputs)
        self.info = read_metadata(path) or ModelInfo(
            name=pathlib.Path(path).stem, recipe="unknown"
        )

    @property
    def size(self) -> tuple[int, int]:
        """`(height, width)` of the input, in pixels."""
        return self.shape[:2]

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of the input."""
        return tuple(self._input["shape"][1:].tolist())

    def load_image(self, source: str | os.PathLike | bytes) -> np.ndarray:
        """Reads a picture with this model's size, crop and channels.

        For detection and segmentation it is resized whole.

        Returns:
            uint8 array of `shape`: RGB, or luma for one channel, or what else
            `info.image.channel_order` says.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no picture, or the model has 2 or 4 channels.
        """
        channels = self.shape[2]
        if channels not in (1, 3):
            raise ValueError(
                f"A picture does not say what to put in {channels} channels: "
                "make an array, and give it to `predict`."
            )
        if self.info.image.crop_mode == "squash":
            image = load_whole([source], self.size)[0][0]
        else:
            image = load_image(
                source,
                self.size,
                self.info.image.crop_pct,
                self.info.image.pre_resize,
            )
        if channels == 1:
            pillow = require("PIL.Image", extra="runtime")
            image = np.asarray(pillow.fromarray(image).convert("L"))[..., None]
        if self.info.image.channel_order == "bgr":
            image = image[..., ::-1]
        return image

    def set_image(self, image: np.ndarray) -> None:
        """Sets the input from pixels of `shape` in [0, 255].

        They are scaled as `info.image` says.

        Raises:
            ValueError: If the array has another shape.
        """
        if image.shape != self.shape:
            raise ValueError(
                f"Expected pixels of shape {self.shape}. Received: "
                f"{image.shape}"
            )
        spec = self.info.image
        if (spec.scale, spec.offset) != (1, 0):
            image = image.astype(np.float32) * spec.scale + spec.offset
        self._interpreter.set_tensor(
            self._input["index"], _quantize(image[None], self._input)
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
                f"Expected a complete .tflite file at {self._path}. Received "
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
        self, source: str | os.PathLike | bytes, top: int = 5
    ) -> list[Prediction]:
        """The `top` most probable classes of a picture, best first.

        Whether the file gives logits or probabilities it says itself; of one
        that does not, `keras_mobilevit.class_scores` judges.

        Raises:
            ValueError: If the model does not give one vector.
        """
        output = self.predict(self.load_image(source))
        if isinstance(output, dict) or output.ndim != 1:
            raise ValueError(
                "Only a model that gives one vector can classify; use "
                f"`predict`. Received one that gives {self._shapes()}"
            )
        output = to_probabilities(output[None], self.info.output.kind)[0]
        labels = self.info.labels or tuple(map(str, range(len(output))))
        best = np.argsort(-output, kind="stable")[:top]
        return [Prediction(labels[i], float(output[i])) for i in best]

    def _shapes(self):
        return {
            name: tuple(details["shape"].tolist())
            for name, details in self._outputs.items()
        }


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


def _named_outputs(interpreter):
    """Name -> details, in the file's order."""
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


def _quantize(pixels, details):
    scale, zero_point = details["quantization"]
    dtype = details["dtype"]
    if not np.issubdtype(dtype, np.integer):
        return pixels.astype(dtype)
    limits = np.iinfo(dtype)
    if scale == 0:
        # Integers without a scale are what they are.
        scale, zero_point = 1.0, 0
    highest = scale * (limits.max - zero_point)
    if highest < 128:
        raise ValueError(
            f"The input of the file ends at {highest:g}, so it does not take "
            "pixels in [0, 255] but something that was made of them. Export "
            "the model with its preprocessing inside."
        )
    values = np.round(pixels / scale) + zero_point
    return np.clip(values, limits.min, limits.max).astype(dtype)


def _dequantize(values, details):
    scale, zero_point = details["quantization"]
    if scale == 0:
        return values
    return np.float32(scale) * (values.astype(np.float32) - zero_point)
