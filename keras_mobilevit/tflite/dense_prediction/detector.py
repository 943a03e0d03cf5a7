"""Named boxes on pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_mobilevit.detection import Detection, decode_predictions
from keras_mobilevit.tflite.dense_prediction.network import DensePredictor
from keras_mobilevit.tflite.runtime import ImageModel

if TYPE_CHECKING:
    import keras

    from keras_mobilevit.images import ImageSource
    from keras_mobilevit.model_info import ModelInfo

# Files whose last operation is non-maximum suppression.
_SUPPRESSED = "boxes"
_BACKGROUND = "background"


class Detector(DensePredictor):
    """A detector, in Keras or in a `.tflite` file: pictures in, boxes out.

    Args:
        model: Keras model as of `keras_mobilevit.detection`, or a `.tflite`
            file of one, open or not, with raw outputs or with suppression
            inside.
        labels: Names of the classes, the background first; by default those
            of `info`, and without any the numbers of the classes.
        size: `(height, width)`; needed where the model's own are dynamic.
        iou_threshold: Overlap above which the better of two boxes of a class
            takes the other one away. A file with suppression inside has its
            own.
        score_threshold: Only scores above it count, and above that of a file
            with suppression inside.
        max_boxes: Most boxes of a picture; a file with suppression inside
            may have fewer.
        workers: Threads for a file.
        info: Class names, channel order and scale of the input, kind of the
            output; by default what a file says of itself, and of a Keras model
            the scale that its first layers tell.

    Attributes:
        size: `(height, width)` of the model's input, in pixels.
        info: What is known of the model.
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

    task = "detection"
    kinds = ("anchors", _SUPPRESSED)

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
        info: ModelInfo | None = None,
    ):
        super().__init__(model, info, size, workers)
        self.labels = tuple(labels) or self._known_labels()
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
        (detections,) = self.predict([source])
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
        return self.predict_batch(images, sizes)

    def _known_labels(self):
        """Labels of the description, the background first."""
        labels, output = self.info.labels, self.info.output
        if not labels or (output.kind, output.label_offset) == ("anchors", 0):
            return labels
        return (_BACKGROUND, *labels)

    def _decode(self, output, picture_size):
        if self.classes is None and self.info.output.kind == _SUPPRESSED:
            return self._decode_suppressed(output, picture_size)
        return self._decode_raw(output, picture_size)

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
        # The background is not among the classes, unless the file says so.
        first = 1 - self.info.output.label_offset
        classes = output["classes"][order].astype(int) + first
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
