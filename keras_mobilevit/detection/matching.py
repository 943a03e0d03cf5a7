"""Which anchor shall predict which box: the targets of training."""

from __future__ import annotations

import numpy as np

from keras_mobilevit.detection.boxes import (
    encode_boxes,
    pairwise_iou,
    to_corners,
)

MIN_IOU = 0.5


def make_targets(
    boxes: np.ndarray,
    labels: np.ndarray,
    anchors: np.ndarray,
    min_iou: float = MIN_IOU,
) -> np.ndarray:
    """Makes the targets of one image, as `MultiBoxLoss` takes them.

    Everything is computed in float32, as in the authors' code: which of two
    equal overlaps is the larger one hangs on the last bit.

    Args:
        boxes: Array `(n, 4)` in corner form, as shares of the image's sides;
            n may be 0.
        labels: Classes `(n,)` from 1 on; 0 is the background.
        anchors: As `make_anchors` gives them.
        min_iou: As in `match_anchors`.

    Returns:
        float32 array `(anchors, 5)`: four offsets and the class. Offsets of
        background anchors are 0.

    Raises:
        ValueError: If a box has no area, or a label is not a class.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> anchors = detection.make_anchors((320, 320))
        >>> boxes = np.array([[0.2, 0.2, 0.7, 0.8]])
        >>> targets = detection.make_targets(boxes, np.array([5]), anchors)
        >>> targets.shape, np.unique(targets[:, 4]).tolist()
        ((3232, 5), [0.0, 5.0])
    """
    boxes, labels = _checked(boxes, labels)
    targets = np.zeros((len(anchors), 5), np.float32)
    if not len(boxes):
        return targets
    indices = match_anchors(boxes, anchors, min_iou)
    matched = indices >= 0
    indices = indices[matched]
    targets[matched, :4] = encode_boxes(boxes[indices], anchors[matched])
    targets[matched, 4] = labels[indices]
    return targets


def match_anchors(
    boxes: np.ndarray, anchors: np.ndarray, min_iou: float = MIN_IOU
) -> np.ndarray:
    """Gives each anchor a box or none.

    An anchor gets the box that it overlaps most, the first of equals, if
    their IoU is at least `min_iou`. Moreover each box gets the anchor that
    overlaps it most, the first of equals, whatever the IoU; an anchor that
    several boxes claim goes to the last of them. Source: Section 2.2 of arXiv
    1512.02325; the rules for equals as in the authors' code.

    Args:
        boxes: Array `(n, 4)` in corner form, n at least 1.
        anchors: Array `(anchors, 4)` in centre form.
        min_iou: In [0, 1].

    Returns:
        int array `(anchors,)` of indices into `boxes`, -1 for none.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import detection
        >>> boxes = np.array([[0.0, 0.0, 0.5, 0.5]])
        >>> anchors = np.array([[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]])
        >>> detection.match_anchors(boxes, anchors).tolist()
        [0, -1]
    """
    iou = pairwise_iou(to_corners(anchors), boxes)
    indices = np.where(iou.max(axis=1) >= min_iou, iou.argmax(axis=1), -1)
    # One after the other, so that the last claim on an anchor wins.
    for box, anchor in enumerate(iou.argmax(axis=0)):
        indices[anchor] = box
    return indices


def _checked(boxes, labels):
    # As the authors compute: in float64, other boxes and anchors are equals.
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    labels = np.asarray(labels).reshape(-1)
    if len(boxes) != len(labels):
        raise ValueError(
            f"Each box needs one label. Received: {len(boxes)} boxes and "
            f"{len(labels)} labels."
        )
    # Also false for boxes that are not a number.
    valid = np.isfinite(boxes).all(axis=1)
    valid &= (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not valid.all():
        # As short as they were written: a list of Python's would have digits
        # that float32 does not know.
        box = ", ".join(map(str, boxes[~valid][0]))
        raise ValueError(
            "Boxes must be left, top, right, bottom, with right > left and "
            f"bottom > top. Received: [{box}]. "
            "`read_annotations` leaves boxes without area out."
        )
    if not (labels >= 1).all():
        raise ValueError(
            "Labels are classes from 1 on; 0 is the background. Received: "
            f"{labels[~(labels >= 1)][0]}"
        )
    return boxes, labels
