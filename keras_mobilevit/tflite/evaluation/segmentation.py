"""Mean IoU and pixel accuracy of segmentation networks, side by side."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np

from keras_mobilevit.configs import IGNORE_LABEL
from keras_mobilevit.image_folders import take_evenly
from keras_mobilevit.segmentation import (
    class_iou,
    confusion_matrix,
    mean_iou,
    pixel_accuracy,
)
from keras_mobilevit.segmentation.folders import (
    open_masked_images,
    read_mask,
)
from keras_mobilevit.tflite.dense_prediction.segmenter import Segmenter
from keras_mobilevit.tflite.evaluation.image_batches import batches
from keras_mobilevit.tflite.evaluation.resampling import mean_iou_interval


@dataclasses.dataclass(frozen=True)
class SegmentationEvaluation:
    """How one network did.

    Attributes:
        images: Number of pictures.
        skipped: Names of the pictures that could not be read.
        mean_iou: Mean over the classes that occur, in [0, 1].
        pixel_accuracy: Share of the labelled pixels that are right.
        class_iou: Name of each class -> its IoU; not a number for a class
            that occurs neither in the masks nor in the predictions.
        agreement: Share of the labelled pixels of the same class as by the
            first network.
        difference: `mean_iou` less that of the first network.
        difference_interval: `(low, high)`, as of `mean_iou_interval`.
    """

    images: int
    skipped: tuple[str, ...]
    mean_iou: float
    pixel_accuracy: float
    class_iou: Mapping[str, float]
    agreement: float
    difference: float
    difference_interval: tuple[float, float]


def evaluate_segmenters(
    segmenters: Mapping[str, Segmenter],
    source: str | os.PathLike,
    masks: str | os.PathLike,
    *,
    ignore_label: int = IGNORE_LABEL,
    limit: int | None = None,
) -> dict[str, SegmentationEvaluation]:
    """Measures networks on the pictures that have a mask.

    All pixels count alike, so large pictures count more, as in the Pascal VOC
    evaluation. Pictures that can not be read are left out for all networks.

    Args:
        segmenters: Name to network; all of the same classes. The first is
            the reference.
        source: Folder of pictures; those without a mask do not count.
        masks: Folder of masks; see
            `keras_mobilevit.segmentation.folders.open_masked_images`.
        ignore_label: Label of the pixels that do not count.
        limit: Evaluate only so many pictures, spread evenly.

    Returns:
        One `SegmentationEvaluation` a network.

    Raises:
        FileNotFoundError: If a folder, or the picture of a mask, is not
            there.
        ValueError: If the networks are of different classes, a mask is of
            another size than its picture or of unknown classes, no picture
            can be read, or `limit` is out of its range.
    """
    labels = _common_labels(segmenters)
    pairs = open_masked_images(
        source, masks, labels=labels, void_label=ignore_label
    )
    mask_of = dict(zip(pairs.names, pairs.masks, strict=True))
    names = take_evenly(pairs.names, limit)
    matrices = {name: [] for name in segmenters}
    read, equal = [], dict.fromkeys(segmenters, 0)
    sizes = {segmenter.size for segmenter in segmenters.values()}
    for batch in batches(source, names, sizes):
        read += batch.names
        truth = [read_mask(mask_of[name]) for name in batch.names]
        first = None
        for name, segmenter in segmenters.items():
            found = segmenter.segment_batch(
                batch.images[segmenter.size], batch.sizes
            )
            first = first or found
            for mask, prediction, reference in zip(
                truth, found, first, strict=True
            ):
                matrices[name].append(
                    confusion_matrix(
                        mask, prediction, len(labels), ignore_label
                    )
                )
                equal[name] += np.count_nonzero(
                    (prediction == reference) & (mask != ignore_label)
                )
    if not read:
        raise ValueError(
            f"None of the {len(names)} pictures of {source} that have a mask "
            "can be read."
        )
    skipped = tuple(sorted(set(names) - set(read)))
    matrices = {name: np.stack(counts) for name, counts in matrices.items()}
    (first, *_) = matrices.values()
    return {
        name: _measure(first, counts, equal[name], labels, skipped)
        for name, counts in matrices.items()
    }


def _common_labels(segmenters: Mapping[str, Segmenter]) -> Sequence[str]:
    labels = {name: segmenter.labels for name, segmenter in segmenters.items()}
    counts = {name: len(names) for name, names in labels.items()}
    if len(set(counts.values())) != 1 or not all(counts.values()):
        raise ValueError(
            "All networks must tell their classes, and be of as many. "
            f"Received: {counts}"
        )
    return next(iter(labels.values()))


def _measure(first, matrices, equal, labels, skipped):
    total = matrices.sum(axis=0)
    scores = mean_iou(total)
    return SegmentationEvaluation(
        images=len(matrices),
        skipped=skipped,
        mean_iou=scores,
        pixel_accuracy=pixel_accuracy(total),
        class_iou=dict(zip(labels, class_iou(total).tolist(), strict=True)),
        agreement=equal / int(total.sum()),
        difference=scores - mean_iou(first.sum(axis=0)),
        difference_interval=mean_iou_interval(first, matrices),
    )
