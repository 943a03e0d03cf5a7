"""Training of networks for segmentation."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

from keras_mobilevit.segmentation import MeanIoU, PixelCrossentropy
from keras_mobilevit.segmentation.folders import (
    open_masked_images,
    require_two_classes,
)
from keras_mobilevit.training.dense_network import build_dense_network
from keras_mobilevit.training.mask_loader import MaskLoader
from keras_mobilevit.training.tasks.task import Task, first_that_exists, unpack


class MaskFolders(NamedTuple):
    """Where pictures and masks are; see `open_masked_images`."""

    pictures: pathlib.Path
    masks: pathlib.Path
    names: pathlib.Path | None = None


class Segmentation(Task):
    """Which class each pixel has.

    Pictures come as `MaskFolders`. The mean IoU is that of masks and pictures
    resized to the input, as the paper's training reported it;
    `keras-mobilevit evaluate` measures it at the size of the original pictures.

    Example:
        >>> from keras_mobilevit.training import tasks
        >>> from keras_mobilevit.training.recipe import load_recipe
        >>> pictures = tasks.Segmentation.join("street", "street_masks")
        >>> recipe = load_recipe(
        ...     "segmentation", {"segmentation.labels": '["road", "sky"]'}
        ... )
        >>> task = tasks.Segmentation.open(recipe, pictures, pictures)
        >>> task.labels, task.figure_of_merit
        (('road', 'sky'), 'mean_iou')
    """

    figure_of_merit = "mean_iou"

    @classmethod
    def open(cls, recipe, train, test, *, seed=0, workers=0):
        options = {"void_label": recipe.segmentation.void_label}
        train = open_masked_images(
            *unpack(train, MaskFolders),
            labels=recipe.segmentation.labels,
            **options,
        )
        require_two_classes(train)
        test = open_masked_images(
            *unpack(test, MaskFolders), labels=train.labels, **options
        )
        loader = MaskLoader(
            train, recipe.augmentation, seed=seed, workers=workers
        )
        validation_loader = MaskLoader(
            test, recipe.augmentation, workers=workers
        )
        return cls(recipe, train.labels, loader, validation_loader)

    @staticmethod
    def find_splits(folder):
        """CamVid's folders, or those of Pascal VOC."""
        paths = first_that_exists(
            folder,
            (
                ("train", "trainannot", "val", "valannot"),
                (
                    "JPEGImages",
                    "SegmentationClass",
                    "ImageSets/Segmentation/train.txt",
                    "ImageSets/Segmentation/val.txt",
                ),
            ),
        )
        if paths[0].name == "train":
            return MaskFolders(*paths[:2]), MaskFolders(*paths[2:])
        pictures, masks, *lists = paths
        return tuple(MaskFolders(pictures, masks, names) for names in lists)

    @staticmethod
    def join(pictures, annotations):
        if not annotations:
            raise ValueError(
                "Pictures to segment need a folder of masks too. Received: "
                f"{pictures} alone"
            )
        return MaskFolders(pictures, annotations)

    def build_model(self):
        return build_dense_network(
            self.recipe,
            self.labels,
            output_stride=self.recipe.segmentation.output_stride,
        )

    def loss(self):
        return PixelCrossentropy()

    def metrics(self):
        return [MeanIoU(len(self.labels))]
