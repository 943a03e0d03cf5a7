"""Pictures with boxes, and batches of them."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Mapping

import numpy as np

from keras_mobilevit.detection import (
    augment,
    make_anchors,
    make_targets,
    read_annotations,
)
from keras_mobilevit.detection.annotation_formats.load import load_annotations
from keras_mobilevit.images import open_image
from keras_mobilevit.text_formatting import abbreviate
from keras_mobilevit.training.example_loader import ExampleLoader

_anchors = functools.lru_cache(maxsize=16)(make_anchors)


class BoxSource:
    """Pictures with boxes.

    Args:
        folder: Folder of pictures.
        annotations: As in `read_annotations`.
        class_names: As in `read_annotations`.

    Attributes:
        images: The boxes of each picture.
        labels: Names of the classes, the background first.
        category_ids: Number of each class in the file.
        names: Path of each picture inside the folder.

    Raises:
        FileNotFoundError: If the annotations or a picture is missing.
        ValueError: If the annotations can not be read.
    """

    def __init__(self, folder, annotations, class_names=None):
        self.folder = pathlib.Path(folder)
        self.path = annotations
        found = read_annotations(annotations, self.folder, class_names)
        self.images = found.images
        self.labels = found.labels
        self.category_ids = found.category_ids
        self.names = [image.file_name for image in found.images]
        missing = [n for n in self.names if not (self.folder / n).is_file()]
        if missing:
            raise FileNotFoundError(
                f"{self.folder} lacks {len(missing)} of the {len(self.names)} "
                f"pictures of {annotations}: {abbreviate(missing)}"
            )

    def __len__(self) -> int:
        return len(self.names)

    def to_coco(self) -> Mapping:
        """The annotations once more, as `coco_metrics` takes them.

        Not kept, because those of a large set take much memory.
        """
        return load_annotations(self.path, self.folder, self.labels[1:])

    def open(self, index: int):
        """Reads a picture, as RGB.

        Raises:
            OSError: If it is not there any more.
            ValueError: If it can not be read, or is not of the size that its
                boxes are for.
        """
        picture = open_image(self.folder / self.names[index])
        height, width = self.images[index].size
        if picture.size != (width, height):
            raise ValueError(
                f"its boxes are for {width}x{height} pixels, it has "
                f"{picture.width}x{picture.height}"
            )
        return picture


class BoxLoader(ExampleLoader):
    """Batches of a `BoxSource`: pictures, and what anchors shall predict.

    Targets are those of `make_targets`, `(count, anchors, 5)`.
    """

    def training_example(self, index, size, rng):
        return self._example(
            index,
            size,
            rng,
            crop=self.augmentation.crop == "ssd",
            colors=self.augmentation.colors,
            flip_chance=self.augmentation.flip,
        )

    def test_example(self, index, size):
        rng = np.random.default_rng(0)
        return self._example(
            index, size, rng, crop=False, colors=False, flip_chance=0.0
        )

    def blank_targets(self, count, size):
        return np.zeros((count, len(_anchors(size)), 5), np.float32)

    def _example(self, index, size, rng, **options):
        truth = self.source.images[index]
        pixels, boxes, labels = augment(
            np.asarray(self.source.open(index)),
            truth.boxes,
            truth.labels,
            size,
            rng,
            **options,
        )
        return pixels, make_targets(boxes, labels, _anchors(size))
