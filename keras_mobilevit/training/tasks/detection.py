"""Training of detectors."""

from __future__ import annotations

import functools
import pathlib
from typing import NamedTuple

import numpy as np

from keras_mobilevit.detection import (
    MultiBoxLoss,
    augment,
    make_anchors,
    make_targets,
    read_annotations,
)
from keras_mobilevit.images import open_image
from keras_mobilevit.training.dense_network import build_dense_network
from keras_mobilevit.training.example_loader import ExampleLoader
from keras_mobilevit.training.mean_precision import MeanPrecision
from keras_mobilevit.training.recipe import Augmentation
from keras_mobilevit.training.tasks.task import Task, first_that_exists, unpack

_anchors = functools.lru_cache(maxsize=16)(make_anchors)


class AnnotatedFolder(NamedTuple):
    """Where pictures and their boxes are.

    Attributes:
        pictures: Folder of pictures.
        annotations: JSON file in the format of COCO.
    """

    pictures: pathlib.Path
    annotations: pathlib.Path


class Detection(Task):
    """Which objects are where.

    Pictures come as `AnnotatedFolder`, and what is in the file is read as
    `read_annotations` says. A picture without boxes is background, which
    takes no part in the loss: only pictures with boxes have hard negatives.
    """

    figure_of_merit = "map"

    @classmethod
    def open(cls, recipe, train, test, *, seed=0, workers=None):
        train, test = (
            BoxSource(*unpack(source, AnnotatedFolder))
            for source in (train, test)
        )
        if test.labels != train.labels:
            raise ValueError(
                f"{test.path} must have the categories of {train.path}. "
                f"Received: {_few(test.labels[1:])} and "
                f"{_few(train.labels[1:])}"
            )
        if not any(len(image.boxes) for image in train.images):
            raise ValueError(f"{train.path} has no box to learn from.")
        loader = BoxLoader(
            train, recipe.augmentation, seed=seed, workers=workers
        )
        tester = BoxLoader(test, recipe.augmentation, workers=workers)
        return cls(recipe, train.labels, loader, tester)

    @staticmethod
    def find_splits(folder):
        """Folders named as COCO's are, or `train` and `val`."""
        train, train_boxes, test, test_boxes = first_that_exists(
            folder,
            (
                (
                    "train2017",
                    "annotations/instances_train2017.json",
                    "val2017",
                    "annotations/instances_val2017.json",
                ),
                (
                    "train",
                    "instances_train.json",
                    "val",
                    "instances_val.json",
                ),
            ),
        )
        return (
            AnnotatedFolder(train, train_boxes),
            AnnotatedFolder(test, test_boxes),
        )

    @staticmethod
    def join(pictures, annotations):
        if not annotations:
            raise ValueError(
                "Pictures with objects need a JSON file of boxes too. "
                f"Received: {pictures} alone"
            )
        return AnnotatedFolder(pictures, annotations)

    def build_model(self):
        return build_dense_network(self.recipe, self.labels)

    def loss(self):
        return MultiBoxLoss()

    def callbacks(self):
        return [
            MeanPrecision(
                self.tester,
                size=(self.recipe.evaluation.size,) * 2,
                batch_size=self.recipe.sampler.batch_size,
                every=self.recipe.detection.map_epochs,
                epochs=self.recipe.schedule.epochs,
            )
        ]


class BoxSource:
    """Pictures with boxes.

    Args:
        folder: Folder of pictures.
        annotations: JSON file in the format of COCO.

    Attributes:
        images: The boxes of each picture.
        labels: Names of the classes, the background first.
        category_ids: Number of each class in the file.
        names: Path of each picture inside the folder.

    Raises:
        FileNotFoundError: If the file or a picture is missing.
        ValueError: If the file is not in the format of COCO.
    """

    def __init__(self, folder, annotations):
        self.folder = pathlib.Path(folder)
        self.path = annotations
        found = read_annotations(annotations)
        self.images = found.images
        self.labels = found.labels
        self.category_ids = found.category_ids
        self.names = [image.file_name for image in found.images]
        missing = [n for n in self.names if not (self.folder / n).is_file()]
        if missing:
            raise FileNotFoundError(
                f"{self.folder} lacks {len(missing)} of the {len(self.names)} "
                f"pictures of {annotations}: {_few(missing)}"
            )

    def __len__(self) -> int:
        return len(self.names)

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
    """Batches of pictures and of what their anchors shall predict.

    Targets are those of `make_targets`, `(count, anchors, 5)`.

    Args:
        source: Pictures and boxes.
        augmentation: What happens to training pictures.
        seed: As in `ExampleLoader`.
        workers: Likewise.
    """

    def __init__(
        self,
        source: BoxSource,
        augmentation: Augmentation,
        *,
        seed: int = 0,
        workers: int | None = None,
    ):
        super().__init__(source, seed=seed, workers=workers)
        self.augmentation = augmentation

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


def _few(names):
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
