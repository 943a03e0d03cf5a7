"""From pictures to named results, for every task and for every kind of model.

Nothing here needs Keras: `.tflite` files are run by LiteRT alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from keras_mobilevit.detection import Detection
from keras_mobilevit.images import load_rgb
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.problem_types import recorded_format
from keras_mobilevit.segmentation.legend import class_shares
from keras_mobilevit.tflite.dense_prediction.detector import Detector
from keras_mobilevit.tflite.dense_prediction.network import RANKS, fixed_size
from keras_mobilevit.tflite.dense_prediction.segmenter import Segmenter
from keras_mobilevit.tflite.runners import KerasRunner, make_runner
from keras_mobilevit.tflite.runtime import (
    ImageModel,
    Prediction,
    Value,
    named_results,
)

if TYPE_CHECKING:
    import keras

    from keras_mobilevit.images import ImageSource

# Pictures at a time: logits of a mask take 20 MB each.
_BATCH = 8
# What is worth drawing; evaluation counts boxes of far lower scores.
DEFAULT_SCORE_THRESHOLD = 0.3
# Option of `make_predictor` -> the task that has it.
_OPTIONS = {"top": "classification", "score_threshold": "detection"}


class Segmentation(NamedTuple):
    """The class of each pixel of one picture.

    Attributes:
        mask: Class ids, uint8 `(height, width)` of the upright picture.
        labels: Names of the classes, by id; empty if they are unknown.
    """

    mask: np.ndarray
    labels: tuple[str, ...]

    def name(self, class_id: int) -> str:
        """Name of a class, or its number where the names are unknown."""
        return self.labels[class_id] if self.labels else str(class_id)

    def shares(self) -> list[tuple[str, float]]:
        """Name and share of the pixels of each class there, largest first."""
        return [
            (self.name(class_id), share)
            for class_id, share in class_shares(self.mask).items()
        ]


Result: TypeAlias = (
    list[Prediction] | list[Value] | list[Detection] | Segmentation
)


class Classifier:
    """A classifier, in Keras or in a `.tflite` file: pictures in, names out.

    Args:
        model: Keras model, or a `.tflite` file, open or not.
        info: Class names, preprocessing and kind of the output; by default
            what a file says of itself, and of a Keras model nothing.
        size: `(height, width)`; needed where the model's own are dynamic.

    Attributes:
        size: `(height, width)` of the model's input, in pixels.
        info: What is known of the model.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the model is no classifier of pictures, or of another
            size.
        ImportError: If the runtime is missing.
    """

    def __init__(
        self,
        model: keras.Model | ImageModel | str | os.PathLike,
        info: ModelInfo | None = None,
        *,
        size: tuple[int, int] | None = None,
    ):
        image = None if info is None else info.image
        self._runner = runner = make_runner(model, image=image)
        if isinstance(runner, KerasRunner):
            _check_rank(runner.output_shape)
            info = info or ModelInfo()
        self.info = info = info or runner.info
        self._scores = recorded_format(info.output, runner.scores)
        self.size = fixed_size(runner.size, size)

    def classify(
        self, source: ImageSource, top: int | None = None
    ) -> list[Prediction] | list[Value]:
        """What is on a picture, as `named_results` names it.

        Args:
            source: As in `keras_mobilevit.images.open_image`.
            top: How many classes, from 1; by default 5, and of several
                labels all that are more probable than not.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no picture, or the model does not give as
                many numbers as there are class names.
        """
        (predictions,) = self.classify_batch([source], top)
        return predictions

    def classify_batch(
        self, sources: Sequence[ImageSource], top: int | None = None
    ) -> list[list[Prediction]] | list[list[Value]]:
        """As `classify`, for each of some pictures."""
        images = [
            load_rgb(source, self.size, self.info.image) for source in sources
        ]
        outputs = list(self._runner.run_pictures(images))
        shape = np.shape(outputs[0])
        if isinstance(outputs[0], dict) or len(shape) != 1:
            raise ValueError(
                "Expected a classifier, which gives one number a class. "
                "Received a model that gives "
                + (
                    f"the outputs {list(outputs[0])}"
                    if isinstance(outputs[0], dict)
                    else f"an output of shape {shape}"
                )
            )
        return named_results(
            np.stack(outputs), self.info.output_labels, self._scores, top
        )


def _check_rank(shape):
    if not isinstance(shape, tuple) or len(shape) != RANKS["classification"]:
        raise ValueError(
            "Expected a Keras classifier, with one output (batch, classes). "
            f"Received one with the output shape {shape}"
        )


def make_predictor(
    model: keras.Model | ImageModel,
    info: ModelInfo,
    *,
    top: int | None = None,
    score_threshold: float | None = None,
) -> Callable[[Sequence[ImageSource]], list[Result]]:
    """Returns what makes named results of pictures.

    Args:
        model: Keras model or open `.tflite` file.
        info: Its task, labels, size and preprocessing.
        top: How many classes a classifier names; by default 5, and of
            several labels all that are more probable than not.
        score_threshold: Only boxes of a detector above it count; by default
            0.3.

    Raises:
        ValueError: If the model does not fit its task, or an option does not.
    """
    given = {"top": top, "score_threshold": score_threshold}
    for name, value in given.items():
        if value is not None and _OPTIONS[name] != info.task:
            raise ValueError(
                f"`{name}` is an option of models for {_OPTIONS[name]}. "
                f"Received: {name}={value}, for a model for {info.task}"
            )
    if info.task == "classification":
        classifier = Classifier(model, info, size=info.image.size)
        return lambda sources: classifier.classify_batch(sources, top)
    if info.task == "detection":
        if score_threshold is None:
            score_threshold = DEFAULT_SCORE_THRESHOLD
        detector = Detector(
            model,
            info=info,
            size=info.image.size,
            score_threshold=score_threshold,
        )
        return detector.predict
    segmenter = Segmenter(model, info=info, size=info.image.size)
    return lambda sources: [
        Segmentation(mask, segmenter.labels)
        for mask in segmenter.predict(sources)
    ]


def is_one_image(images: ImageSource | Iterable[ImageSource]) -> bool:
    """Whether something is one picture, and not several.

    An array of four axes is several.

    Raises:
        ValueError: If it is neither.
    """
    if isinstance(images, str | bytes | os.PathLike):
        return True
    if hasattr(images, "__array_interface__") or hasattr(images, "__array__"):
        # Pillow images have no axes, but are one picture.
        return getattr(images, "ndim", 3) != 4
    if not isinstance(images, Iterable):
        raise ValueError(
            "`images` must be a picture or several: paths, bytes of files, "
            "Pillow images or arrays (height, width, 3) of RGB pixels in "
            f"[0, 255]. Received: {images!r:.80}"
        )
    return False


def batches(sources: Iterable[ImageSource]) -> Iterator[list[ImageSource]]:
    """Yields pictures in lists that fit into memory."""
    batch = []
    for source in sources:
        batch.append(source)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
