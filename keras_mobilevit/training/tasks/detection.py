"""Training of detectors."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

from keras_mobilevit.detection import MultiBoxLoss
from keras_mobilevit.text_formatting import abbreviate, counted
from keras_mobilevit.training.box_loader import BoxLoader, BoxSource
from keras_mobilevit.training.dense_network import build_dense_network
from keras_mobilevit.training.mean_precision import MeanPrecision
from keras_mobilevit.training.tasks.task import Task, first_that_exists, unpack


class AnnotatedFolder(NamedTuple):
    """Where pictures and their boxes are.

    Attributes:
        pictures: Folder of pictures.
        annotations: JSON or CSV file, or folder of Pascal VOC's or YOLO's
            files; see `read_annotations`.
    """

    pictures: pathlib.Path
    annotations: pathlib.Path


class Detection(Task):
    """Which objects are where.

    Pictures come as `AnnotatedFolder`, and what is in the file is read as
    `read_annotations` says. A picture without boxes is background, which
    takes no part in the loss: only pictures with boxes have hard negatives.

    Example:
        >>> from keras_mobilevit.training import tasks
        >>> from keras_mobilevit.training.recipe import load_recipe
        >>> pictures = tasks.Detection.join("street", "boxes.json")
        >>> recipe = load_recipe("detection")
        >>> task = tasks.Detection.open(recipe, pictures, pictures)
        >>> task.labels, task.figure_of_merit
        (('background', 'cat', 'dog'), 'map')
    """

    figure_of_merit = "map"

    @classmethod
    def open(cls, recipe, train, test, *, seed=0, workers=0):
        train, test = (unpack(s, AnnotatedFolder) for s in (train, test))
        train = BoxSource(*train)
        # By name, the test pictures may lack a class.
        test = BoxSource(*test, class_names=train.labels[1:])
        if test.labels != train.labels:
            raise ValueError(
                f"{test.path} must have the categories of {train.path}. "
                f"Received: {abbreviate(test.labels[1:])} and "
                f"{abbreviate(train.labels[1:])}"
            )
        for source in (train, test):
            if not any(len(image.boxes) for image in source.images):
                raise ValueError(
                    f"Expected boxes of objects in {source.path}. Received "
                    f"none for its {counted(len(source.images), 'image')}; "
                    "crowds and boxes without area do not count."
                )
        loader = BoxLoader(
            train, recipe.augmentation, seed=seed, workers=workers
        )
        validation_loader = BoxLoader(
            test, recipe.augmentation, workers=workers
        )
        return cls(recipe, train.labels, loader, validation_loader)

    @staticmethod
    def find_splits(folder):
        """Folders as of COCO, of Ultralytics, or of an export of Roboflow."""
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
                ("images/train", "labels/train", "images/val", "labels/val"),
                (
                    "train/images",
                    "train/labels",
                    "valid/images",
                    "valid/labels",
                ),
                # Annotations beside the pictures.
                ("train", "train", "valid", "valid"),
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
                "Pictures with objects need annotations too: a JSON or CSV "
                "file of boxes, or a folder of Pascal VOC's or YOLO's files. "
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
                self.validation_loader,
                size=(self.recipe.evaluation.size,) * 2,
                batch_size=self.recipe.sampler.batch_size,
                every=self.recipe.detection.map_epochs,
                epochs=self.recipe.schedule.epochs,
            )
        ]
