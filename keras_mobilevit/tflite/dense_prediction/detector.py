"""Named boxes on pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_mobilevit.detection import (
    Detection,
    decode_predictions,
    preprocess,
)
from keras_mobilevit.tflite.dense_prediction.network import open_network
from keras_mobilevit.tflite.runtime import ImageModel

if TYPE_CHECKING:
    import keras

    from keras_mobilevit.images import ImageSource
    from keras_mobilevit.model_info import ImageSpec

# Files whose last operation is non-maximum suppression.
_SUPPRESSED = "boxes"


class Detector:
    """A detector, in Keras or in a `.tflite` file: pictures in, boxes out.

    Args:
        model: Keras model as of `keras_mobilevit.detection`, or a `.tflite`
            file of one, open or not, with raw outputs or with suppression
            inside.
        labels: Names of the classes, the background first; by default those
            of the file, and without any the numbers of the classes.
        size: `(height, width)`; needed where the model's own are dynamic.
        iou_threshold: Overlap above which the better of two boxes of a class
            takes the other one away. A file with suppression inside has its
            own.
        score_threshold: Only scores above it count, and above that of a file
            with suppression inside.
        max_boxes: Most boxes of a picture; a file with suppression inside
            may have fewer.
        workers: Threads for a file.
        image: What is known of the input of a Keras model, with its scaling;
            by default its first layers tell that. A file says it itself.

    Attributes:
        size: `(height, width)` of the model's input, in pixels.
        labels: Names of the classes, the background first; may be empty.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the model is no detector, or the labels do not fit it.
        ImportError: If the runtime is missing.

    Example:
        >>> from keras_mobilevit import tflite
        >>> detector = tflite.Detector("detector.tflite", score_threshold=0.1)
        >>> detector.size, detector.labels
        ((64, 96), ('background', 'ant', 'bee', 'cow'))
        >>> found = detector.detect("photo.jpg")
        >>> all(detection.score > 0.1 for detection in found)
        True
    """

    def __init__(
        self,
        model: keras.Model | ImageModel | str | os.PathLike,
        labels: Sequence[str] = (),
        *,
        size: tuple[int, int] | None = None,
        iou_threshold: float = 0.5,
        score_threshold: float = 0.05,
        max_boxes: int = 200,
        workers: int = 1,
        image: ImageSpec | None = None,
    ):
        self._network = open_network(
            model, "detection", ("anchors", _SUPPRESSED), size, workers, image
        )
        self.size = self._network.size
        self.labels = tuple(labels)
        if not self.labels and self._network.labels:
            self.labels = ("background", *self._network.labels)
        self._limits = dict(
            iou_threshold=iou_threshold,
            score_threshold=score_threshold,
            max_boxes=max_boxes,
        )

    def detect(self, source: ImageSource) -> list[Detection]:
        """Finds the objects of one picture.

        Args:
            source: As in `keras_mobilevit.images.open_image`.

        Returns:
            Its detections, best first, with boxes in its own pixels.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is not a picture.
        """
        (detections,) = self.detect_batch(*preprocess([source], self.size))
        return detections

    def detect_batch(
        self, images: np.ndarray, sizes: Sequence[tuple[int, int]]
    ) -> list[list[Detection]]:
        """Finds the objects of pictures that `detection.preprocess` read.

        Args:
            images: uint8 `(n, *size, 3)`, RGB in [0, 255].
            sizes: `(height, width)` of each picture, in pixels.

        Returns:
            As `detect`, for each picture.
        """
        outputs = self._network.run(images)
        decode = (
            self._decode_suppressed
            if self._network.kind == _SUPPRESSED
            else self._decode_raw
        )
        # One by one: suppression takes memory by the square of candidates.
        return [
            decode(output, picture_size)
            for output, picture_size in zip(outputs, sizes, strict=True)
        ]

    def _decode_raw(self, output, picture_size):
        (detections,) = decode_predictions(
            np.asarray(output)[None],
            [picture_size],
            image_size=self.size,
            labels=self.labels or _numbers(output.shape[-1] - 4),
            **self._limits,
        )
        return detections

    def _decode_suppressed(
        self, output: Mapping[str, np.ndarray], picture_size
    ):
        count = int(np.ravel(output["count"])[0])
        scores = output["scores"][:count]
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] > self._limits["score_threshold"]]
        order = order[: self._limits["max_boxes"]]
        # From top, left, bottom, right as shares of the sides to pixels.
        limits = np.tile(picture_size[::-1], 2)
        boxes = output["boxes"][order][:, [1, 0, 3, 2]] * limits
        boxes = np.clip(boxes, 0, limits)
        # The background is not among the classes of the file.
        classes = output["classes"][order].astype(int) + 1
        most = max(classes, default=0) + 1
        labels = self.labels or _numbers(most)
        if len(labels) < most:
            raise ValueError(
                f"The file finds {most} classes or more, the background "
                f"included. Received: {len(labels)} labels"
            )
        return [
            Detection(
                int(label), labels[label], float(score), tuple(box.tolist())
            )
            for label, score, box in zip(
                classes, scores[order], boxes, strict=True
            )
        ]


def _numbers(count):
    return tuple(map(str, range(count)))
