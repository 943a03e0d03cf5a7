"""The metrics of COCO, by its own code."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence

from keras_mobilevit.detection.annotation_formats.load import load_annotations
from keras_mobilevit.detection.annotations import is_crowd, read_annotations
from keras_mobilevit.detection.predictions import Detection
from keras_mobilevit.optional_imports import import_optional

# To decode with. Version 0.1 of the authors' code recommends it for COCO, but
# has 0.05 by default; from 0.2 on it is the default. With which of them the
# published figures were made they do not say.
COCO_SCORE_THRESHOLD = 0.01


@dataclasses.dataclass(frozen=True)
class CocoMetrics:
    """Average precision and recall over the classes, in [0, 1].

    Over the IoU thresholds 0.50 to 0.95, where none is named. Not a number
    where no annotation is of that kind.

    Attributes:
        ap: The mAP of the papers.
        ap50: At IoU 0.50 only.
        ap75: At IoU 0.75 only.
        ap_small: Objects below 32² pixels.
        ap_medium: Objects from 32² to 96² pixels.
        ap_large: Objects above 96² pixels.
        ar1: Recall with one detection an image and class.
        ar10: With ten.
        ar100: With a hundred, as many as count for precision too.
        ar_small: With a hundred, small objects.
        ar_medium: With a hundred, medium objects.
        ar_large: With a hundred, large objects.

    Example:
        >>> from keras_mobilevit import detection
        >>> annotations = detection.read_annotations("boxes.json")
        >>> box = tuple(annotations.images[0].boxes[0])
        >>> results = detection.coco_results(
        ...     [detection.Detection(1, "cat", 0.9, box)],
        ...     image_id=annotations.images[0].id,
        ...     category_ids=annotations.category_ids,
        ... )
        >>> metrics = detection.coco_metrics("boxes.json", results)
        >>> f"{metrics.ap50:.0%}"
        '50%'
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar1: float
    ar10: float
    ar100: float
    ar_small: float
    ar_medium: float
    ar_large: float


def coco_results(
    detections: Iterable[Detection],
    image_id: int,
    category_ids: Sequence[int | None],
) -> list[dict]:
    """Puts the detections of one image into the format of COCO's results.

    Args:
        detections: As `decode_predictions` gives them for one image.
        image_id: Number of the image in the annotations.
        category_ids: As in `Annotations`.

    Example:
        >>> from keras_mobilevit import detection
        >>> found = detection.Detection(1, "cat", 0.9, (10.0, 20.0, 60.0, 80.0))
        >>> detection.coco_results([found], image_id=7, category_ids=(None, 17))
        [{'image_id': 7, 'category_id': 17, 'bbox': [10.0, 20.0, 50.0, 60.0],
          'score': 0.9}]
    """
    results = []
    for detection in detections:
        left, top, right, bottom = detection.box
        results.append(
            {
                "image_id": image_id,
                "category_id": category_ids[detection.class_index],
                "bbox": [left, top, right - left, bottom - top],
                "score": detection.score,
            }
        )
    return results


def coco_metrics(
    annotations: str | os.PathLike | Mapping,
    results: Sequence[Mapping],
    image_ids: Sequence[int] | None = None,
    pictures: str | os.PathLike | None = None,
) -> CocoMetrics:
    """Measures detections against annotations, as pycocotools does.

    Args:
        annotations: As in `read_annotations`.
        results: Those of all images, as `coco_results` gives them. To
            compare with published figures, decode with a score threshold of
            `COCO_SCORE_THRESHOLD` or less.
        image_ids: Images to measure on; by default all annotated ones.
        pictures: As in `read_annotations`.

    Returns:
        The twelve figures.

    Raises:
        ImportError: If pycocotools is not installed.
        FileNotFoundError: If there is no such file.
        ValueError: If the annotations can not be read, or lack an image or a
            category.

    Example:
        >>> from keras_mobilevit import detection
        >>> annotations = detection.read_annotations("boxes.json")
        >>> results = [
        ...     {"image_id": 1, "category_id": 17, "bbox": [10, 20, 50, 60],
        ...      "score": 0.9},
        ... ]
        >>> f"{detection.coco_metrics('boxes.json', results).ap50:.0%}"
        '50%'
    """
    coco = import_optional("pycocotools.coco", extra="detection")
    cocoeval = import_optional("pycocotools.cocoeval", extra="detection")
    content = load_annotations(annotations, pictures)
    known = read_annotations(content)
    images = {image.id for image in known.images}
    for what, found, expected in (
        ("image", {r["image_id"] for r in results}, images),
        ("image", set(image_ids or ()), images),
        ("category", {r["category_id"] for r in results}, known.category_ids),
    ):
        if unknown := found - set(expected):
            raise ValueError(
                f"The annotations lack {len(unknown)} numbers of the results "
                f"or of `image_ids`, such as {what} {unknown.pop()}."
            )
    # pycocotools reports on the console.
    with contextlib.redirect_stdout(io.StringIO()):
        truth, predicted = coco.COCO(), coco.COCO()
        truth.dataset = _numbered(content, content["annotations"])
        predicted.dataset = _numbered(content, results)
        for index in (truth, predicted):
            index.createIndex()
        evaluation = cocoeval.COCOeval(truth, predicted, "bbox")
        if image_ids is not None:
            evaluation.params.imgIds = sorted(image_ids)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return CocoMetrics(
        *(math.nan if value < 0 else float(value) for value in evaluation.stats)
    )


def _numbered(content, annotations):
    """A data set of annotations or results, with all fields that count.

    Numbers are numbers in it: to pycocotools, the text "0" is true.
    """
    return {
        **{
            key: [{**entry, "id": int(entry["id"])} for entry in content[key]]
            for key in ("images", "categories")
        },
        "annotations": [
            {
                "area": float(annotation["bbox"][2])
                * float(annotation["bbox"][3]),
                **annotation,
                "bbox": [float(value) for value in annotation["bbox"]],
                "image_id": int(annotation["image_id"]),
                "category_id": int(annotation["category_id"]),
                "iscrowd": int(is_crowd(annotation)),
                # pycocotools takes 0 for "not matched".
                "id": number,
            }
            for number, annotation in enumerate(annotations, start=1)
        ],
    }
