"""Running `.tflite` files with LiteRT."""

from __future__ import annotations

import os
import pathlib
from typing import NamedTuple

import numpy as np

from keras_mobilevit.extras import require
from keras_mobilevit.images import load_image
from keras_mobilevit.tflite.metadata import Metadata, read_metadata


class Prediction(NamedTuple):
    """One class of a picture.

    Attributes:
        label: Name of the class, or its index where the file has no names.
        probability: In [0, 1].
    """

    label: str
    probability: float


def make_interpreter(path: str | os.PathLike, num_threads: int = 1):
    """Returns an allocated LiteRT interpreter with XNNPACK.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no TFLite file.
        ImportError: If LiteRT is missing.
    """
    litert = require("ai_edge_litert.interpreter", extra="tflite")
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"There is no .tflite file at {path}.")
    interpreter = litert.Interpreter(
        model_path=os.fspath(path), num_threads=num_threads
    )
    interpreter.allocate_tensors()
    return interpreter


class ImageModel:
    """A `.tflite` file with one image in and one vector out.

    Args:
        path: The file.
        num_threads: Threads of the interpreter.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no TFLite file, or not of that form.
    """

    def __init__(self, path: str | os.PathLike, num_threads: int = 1):
        self._interpreter = make_interpreter(path, num_threads)
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        if (
            len(inputs) != 1
            or len(outputs) != 1
            or len(inputs[0]["shape"]) != 4
        ):
            raise ValueError(
                f"Expected one image input and one output in {path}. Received: "
                f"{len(inputs)} inputs, {len(outputs)} outputs"
            )
        (self._input,), (self._output,) = inputs, outputs
        self.metadata = read_metadata(path) or Metadata(
            model=pathlib.Path(path).stem, recipe="unknown"
        )

    @property
    def size(self) -> tuple[int, int]:
        """`(height, width)` of the input, in pixels."""
        _, height, width, _ = self._input["shape"].tolist()
        return height, width

    def load_image(self, source: str | os.PathLike | bytes) -> np.ndarray:
        """Reads a picture with this model's size and crop."""
        return load_image(
            source,
            self.size,
            self.metadata.crop_fraction,
            self.metadata.native_size,
        )

    def set_image(self, image: np.ndarray) -> None:
        """Sets the input from pixels `(height, width, 3)` in [0, 255]."""
        self._interpreter.set_tensor(
            self._input["index"], image[None].astype(self._input["dtype"])
        )

    def invoke(self) -> None:
        """Runs the graph on the input that was set last."""
        self._interpreter.invoke()

    def predict(self, image: np.ndarray) -> np.ndarray:
        """Output vector `(classes,)` for pixels in [0, 255]."""
        self.set_image(image)
        self.invoke()
        return self._interpreter.get_tensor(self._output["index"])[0]

    def classify(
        self, source: str | os.PathLike | bytes, top: int = 5
    ) -> list[Prediction]:
        """The `top` most probable classes of a picture, best first."""
        probabilities = self.predict(self.load_image(source))
        labels = self.metadata.labels or tuple(
            str(index) for index in range(len(probabilities))
        )
        best = np.argsort(-probabilities, kind="stable")[:top]
        return [Prediction(labels[i], float(probabilities[i])) for i in best]
