"""From pictures to the model's input, and from its output to named boxes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from keras_mobilevit.array_ops import ops_for
from keras_mobilevit.configs import DETECTION_WEIGHTS
from keras_mobilevit.detection.anchors import make_anchors
from keras_mobilevit.detection.boxes import decode_boxes
from keras_mobilevit.detection.nms import Selection, non_max_suppression
from keras_mobilevit.images import load_whole

_COCO = DETECTION_WEIGHTS["coco"].info


class Detection(NamedTuple):
    """One object in one picture.

    Attributes:
        class_index: Class, from 1 on.
        name: Name of the class.
        score: Probability in [0, 1].
        box: Left, top, right, bottom in pixels of the picture, within it.

    Example:
        >>> from keras_mobilevit import detection
        >>> found = detection.Detection(1, "cat", 0.9, (10.0, 20.0, 60.0, 80.0))
        >>> left, top, right, bottom = found.box
        >>> found.name, right - left, bottom - top
        ('cat', 50.0, 60.0)
    """

    class_index: int
    name: str
    score: float
    box: tuple[float, float, float, float]


def preprocess(
    sources: Iterable[str | os.PathLike | bytes],
    size: tuple[int, int] = _COCO.image.size,
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Reads pictures as the detectors expect them.

    Each is resized whole, whatever its shape, bilinearly and with
    antialiasing: so the published weights were evaluated, but for the
    antialiasing. Its EXIF data is heeded, and its boxes are upright.

    Args:
        sources: Paths of pictures, or their bytes.
        size: `(height, width)` of the model's input, in pixels.

    Returns:
        The images, uint8 `(n, height, width, 3)`, RGB in [0, 255], and
        `(height, width)` of each picture, for `decode_predictions`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If one is not a picture, or there is none.

    Example:
        >>> from keras_mobilevit import detection
        >>> images, sizes = detection.preprocess(["photo.jpg"], (320, 320))
        >>> images.shape, sizes
        ((1, 320, 320, 3), [(96, 120)])
    """
    return load_whole(sources, size)


def select_boxes(
    predictions,
    image_size: tuple[int, int],
    iou_threshold: float = 0.5,
    score_threshold: float = 0.05,
    max_boxes: int = 200,
) -> Selection:
    """Decodes what a model predicts, on any backend, compiled or not.

    NumPy arrays are decoded by NumPy, without Keras.

    Args:
        predictions: Array or tensor `(batch, anchors, 4 + classes)`, as the
            models give it.
        image_size: `(height, width)` of the model's input, in pixels.
        iou_threshold: As in `non_max_suppression`.
        score_threshold: As in `non_max_suppression`.
        max_boxes: As in `non_max_suppression`.

    Returns:
        The selection. Boxes are shares of the image's sides and may reach out
        of it; classes begin at 1, and are 0 where there is no box.

    Raises:
        ValueError: If the predictions are not of such a model and size, or
            as in `non_max_suppression`.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> anchors = len(detection.make_anchors((320, 320)))
        >>> predictions = np.zeros((1, anchors, 4 + 3), np.float32)
        >>> selection = detection.select_boxes(
        ...     predictions, (320, 320), max_boxes=20
        ... )
        >>> selection.boxes.shape
        (1, 20, 4)
    """
    anchors = make_anchors(image_size)
    if len(predictions.shape) != 3 or predictions.shape[1] not in (
        None,
        len(anchors),
    ):
        raise ValueError(
            f"An image of {image_size[0]}x{image_size[1]} pixels has "
            f"predictions of shape (batch, {len(anchors)}, 4 + classes). "
            f"Received: {tuple(predictions.shape)}"
        )
    ops = ops_for(predictions)
    logits = ops.cast(predictions[..., 4:], "float32")
    # Boxes of untrained networks may overflow; Keras says nothing either.
    with np.errstate(over="ignore", invalid="ignore"):
        selection = non_max_suppression(
            decode_boxes(predictions[..., :4], anchors),
            ops.softmax(logits, axis=-1)[..., 1:],
            iou_threshold=iou_threshold,
            score_threshold=score_threshold,
            max_boxes=max_boxes,
        )
    # The background is not among the classes of the selection.
    classes = ops.where(selection.scores > 0, selection.classes + 1, 0)
    return selection._replace(classes=classes)


def decode_predictions(
    preds,
    sizes: Sequence[tuple[int, int]],
    *,
    image_size: tuple[int, int] = _COCO.image.size,
    labels: Sequence[str] = _COCO.output_labels,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.05,
    max_boxes: int = 200,
) -> list[list[Detection]]:
    """Decodes the predictions of a model into named boxes.

    Args:
        preds: Array or tensor `(batch, anchors, 4 + classes)`, as the models
            give it.
        sizes: Height and width of each picture, in pixels, as `preprocess`
            gives them.
        image_size: `(height, width)` of the model's input, in pixels.
        labels: Names of the classes, the background first.
        iou_threshold: As in `non_max_suppression`.
        score_threshold: As in `non_max_suppression`.
        max_boxes: As in `non_max_suppression`.

    Returns:
        For each picture its detections, best first.

    Raises:
        ValueError: If the arguments do not fit each other.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> anchors = len(detection.make_anchors((320, 320)))
        >>> predictions = np.zeros((1, anchors, 4 + 3), np.float32)
        >>> predictions[..., 4] = 9  # background, ...
        >>> predictions[0, 100, 6] = 12  # ... but for one anchor
        >>> (found,) = detection.decode_predictions(
        ...     predictions,
        ...     sizes=[(96, 120)],
        ...     image_size=(320, 320),
        ...     labels=("background", "cat", "dog"),
        ... )
        >>> [(detection.name, round(detection.score, 2)) for detection in found]
        [('dog', 0.95)]
    """
    sizes = np.asarray(sizes)
    if sizes.shape != (preds.shape[0], 2):
        raise ValueError(
            "`sizes` must have a height and a width for each picture. "
            f"Received: {preds.shape[0]} pictures, sizes of shape {sizes.shape}"
        )
    if preds.shape[-1] != 4 + len(labels):
        raise ValueError(
            f"The predictions are of {preds.shape[-1] - 4} classes, the "
            f"background included. Received: {len(labels)} labels."
        )
    selection = select_boxes(
        preds, image_size, iou_threshold, score_threshold, max_boxes
    )
    boxes, scores, classes, counts = map(
        ops_for(preds).convert_to_numpy, selection
    )
    # [B, m, 4], from shares of the sides to pixels of the picture
    limits = np.tile(sizes[:, ::-1], 2)[:, None]
    boxes = np.clip(boxes * limits, 0, limits)
    return [
        [
            Detection(
                int(classes[image, i]),
                labels[classes[image, i]],
                float(scores[image, i]),
                tuple(boxes[image, i].tolist()),
            )
            for i in range(count)
        ]
        for image, count in enumerate(counts)
    ]
