"""Options of every export: input size, calibration, preprocessing, fidelity."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import keras

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite.compatibility.compatible import (
    check_compatibility,
)
from keras_mobilevit.tflite.conversion import exported_shape
from keras_mobilevit.tflite.output_heads.output_head import OutputHead
from keras_mobilevit.tflite.output_heads.registry import find_output_head
from keras_mobilevit.tflite.quantization.calibration_set import (
    CalibrationSet,
    Source,
    calibration_set,
)
from keras_mobilevit.version import __version__


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Keyword arguments of `export_tflite`, which describes them."""

    size: tuple[int, int] | None = None
    calibration: Source | None = None
    calibration_images: int = 100
    seed: int = 0
    info: ModelInfo | None = None
    labels: Sequence[str] | None = None
    output_head: str | OutputHead | None = None
    compat: str | None = None
    min_sqnr: float | None = 15.0
    escalate: bool = True

    def __post_init__(self):
        # NaN compares as false.
        if self.min_sqnr is not None and not 0 <= self.min_sqnr < math.inf:
            raise ValueError(
                "`min_sqnr` must be a number of dB from 0, or None for no "
                f"threshold. Received: min_sqnr={self.min_sqnr}"
            )
        if self.compat is not None:
            check_compatibility(self.compat)
        if self.labels is None:
            labels = self.info.labels if self.info else ()
            object.__setattr__(self, "labels", labels)

    @property
    def architecture(self) -> str:
        """Name of the model's architecture; empty if unknown."""
        return self.info.architecture if self.info else ""

    def find_output_head(self, model: keras.Model) -> OutputHead:
        """The output head that was asked for, or that the model suggests.

        Raises:
            ValueError: If there is none of that name.
        """
        task = self.info.task if self.info else None
        return find_output_head(self.output_head, model, task)

    def describe(self, model: keras.Model) -> ModelInfo:
        """Description of a file that is yet to be quantized.

        Raises:
            ValueError: If there are labels, but not one for each class, or
                there is no such output head, or the model does not take pixels.
        """
        known = self.info or ModelInfo()
        if (known.image.scale, known.image.offset) != (1, 0):
            raise ValueError(
                "An exported file takes pixels in [0, 255]: put the scaling "
                "into the model, as `keras.layers.Rescaling` does. Received: "
                f"scale={known.image.scale}, offset={known.image.offset}"
            )
        output_head = self.find_output_head(model)
        labels, classes = self._named_classes(output_head, model)
        *size, channels = shape = exported_shape(model, self.size)
        image = dataclasses.replace(known.image, size=tuple(size))
        if output_head.takes_whole_images:
            image = dataclasses.replace(image, crop_mode="squash")
        if channels != 3:
            order = "gray" if channels == 1 else None
            image = dataclasses.replace(image, channel_order=order)
        return dataclasses.replace(
            known,
            name=model.name,
            task=output_head.task,
            labels=labels,
            classes=classes,
            image=image,
            output=output_head.describe(model, shape),
            recipe="float32",
            # Of another file, if the caller took it from one.
            recipe_fields={},
            calibration_images=0,
            calibration_seed=None,
            fidelity={},
            compat=self.compat or "",
            version=__version__,
        )

    def _named_classes(self, output_head, model):
        """`(labels, their number)`, of a detector without the background."""
        labels, classes = tuple(self.labels), output_head.classes(model)
        hint = ""
        if output_head.task == "detection":
            if len(labels) == classes:
                labels = labels[1:]
            classes -= 1
            hint = " or one more, of which the first is the background"
        if labels and len(labels) != classes:
            raise ValueError(
                f"The model tells {classes} classes apart. Expected as many "
                f"labels{hint}. Received: {len(labels)} labels"
            )
        return labels, classes

    def draw_images(self, model: keras.Model) -> CalibrationSet:
        """Images that `calibration_set` chooses, some of them reserved.

        Raises:
            ValueError: If there are none, or the model does not fit them.
            FileNotFoundError: If they are not there.
        """
        return calibration_set(
            self.calibration,
            exported_shape(model, self.size),
            count=self.calibration_images,
            seed=self.seed,
            image=self.describe(model).image,
        ).reserve()
