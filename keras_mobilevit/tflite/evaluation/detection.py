"""The metrics of COCO for detectors, side by side."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from keras_mobilevit.detection import (
    Annotations,
    CocoMetrics,
    Detection,
    coco_metrics,
    coco_results,
    read_annotations,
)
from keras_mobilevit.detection.annotation_formats.load import load_annotations
from keras_mobilevit.image_folders import list_files, take_evenly
from keras_mobilevit.tflite.dense_prediction.detector import Detector
from keras_mobilevit.tflite.evaluation.image_batches import batches


@dataclasses.dataclass(frozen=True)
class DetectionEvaluation:
    """How one detector did.

    Attributes:
        images: Number of pictures.
        skipped: Names of the pictures that could not be read.
        metrics: Those of COCO; `metrics.ap` is the mAP.
        difference: mAP less that of the first detector.
    """

    images: int
    skipped: tuple[str, ...]
    metrics: CocoMetrics
    difference: float


def evaluate_detectors(
    detectors: Mapping[str, Detector],
    source: str | os.PathLike,
    annotations: str | os.PathLike | Mapping,
    *,
    limit: int | None = None,
) -> dict[str, DetectionEvaluation]:
    """Measures detectors on the annotated pictures of a folder.

    Classes are matched by their names, or by their order if a detector has
    none. What a detector finds of classes that the annotations lack does not
    count; a class that it does not know is missed everywhere. Pictures that
    can not be read are left out for all detectors.

    Args:
        detectors: Name to detector; the first is the reference. For figures
            that compare with published ones, their score threshold must be
            `COCO_SCORE_THRESHOLD` or less.
        source: Folder or tar that holds the pictures by the names that the
            annotations say.
        annotations: As in `read_annotations`.
        limit: Evaluate only so many pictures, spread evenly.

    Returns:
        One `DetectionEvaluation` a detector.

    Raises:
        FileNotFoundError: If a file, or an annotated picture, is not there.
        ValueError: If the annotations can not be read or are of other classes
            or pictures, no picture can be read, or `limit` is out of its
            range.
        ImportError: If pycocotools is not installed.
    """
    known = read_annotations(annotations, source)
    images = {i.file_name: i for i in take_evenly(known.images, limit)}
    if not any(len(image.boxes) for image in images.values()):
        raise ValueError(
            "Expected boxes to compare with. Received annotations without any "
            f"for the {len(images)} pictures; crowds and boxes without area do "
            "not count."
        )
    _check_names(images, source)
    categories = {
        name: _categories(name, detector.labels, known)
        for name, detector in detectors.items()
    }
    read, results = [], {name: [] for name in detectors}
    sizes = {detector.size for detector in detectors.values()}
    for batch in batches(source, list(images), sizes):
        read += batch.names
        _check_sizes(batch, images)
        for name, detector in detectors.items():
            found = detector.detect_batch(
                batch.images[detector.size], batch.sizes
            )
            for picture, detections in zip(batch.names, found, strict=True):
                results[name] += coco_results(
                    _known(detections, categories[name]),
                    images[picture].id,
                    categories[name],
                )
    if not read:
        raise ValueError(
            f"None of the {len(images)} annotated pictures of {source} can be "
            "read."
        )
    ids = [images[name].id for name in read]
    content = load_annotations(annotations, source)
    metrics = {
        name: coco_metrics(content, found, ids)
        for name, found in results.items()
    }
    (first, *_) = metrics.values()
    skipped = tuple(sorted(set(images) - set(read)))
    return {
        name: DetectionEvaluation(
            len(read), skipped, measured, measured.ap - first.ap
        )
        for name, measured in metrics.items()
    }


def _check_names(images, source):
    missing = sorted(set(images) - set(list_files(source)))
    if missing:
        raise FileNotFoundError(
            f"{source} lacks {len(missing)} of {len(images)} annotated "
            f"pictures, such as {missing[0]}."
        )


def _check_sizes(batch, images):
    """A picture on its side would have all its boxes in the wrong places."""
    for name, size in zip(batch.names, batch.sizes, strict=True):
        if size != images[name].size:
            raise ValueError(
                "Pictures must have the size that their annotations say, "
                f"upright. Received: {name}, of (height, width) {size}, "
                f"annotated as {images[name].size}"
            )


def _categories(name, labels, known: Annotations) -> tuple[int | None, ...]:
    """Number of each class of a detector in the annotations, if it has one."""
    if not labels:
        return known.category_ids
    numbers = dict(zip(known.labels[1:], known.category_ids[1:], strict=True))
    categories = (None, *map(numbers.get, labels[1:]))
    if not any(category is not None for category in categories):
        raise ValueError(
            f"None of the classes of {name} is among those of the annotations. "
            f"Received: {list(labels[1:4])}..., annotations of "
            f"{list(known.labels[1:4])}..."
        )
    return categories


def _known(
    detections: list[Detection], categories: tuple[int | None, ...]
) -> list[Detection]:
    return [d for d in detections if categories[d.class_index] is not None]
