"""What all exports are told alike: size, calibration and preprocessing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import keras

from keras_mobilevit.tflite.compatibility.compatible import (
    check_compatibility,
)
from keras_mobilevit.tflite.conversion import exported_shape
from keras_mobilevit.tflite.endings.ending import Ending
from keras_mobilevit.tflite.endings.finding import find_ending
from keras_mobilevit.tflite.metadata import Metadata
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
    labels: Sequence[str] = ()
    crop_fraction: float = 1.0
    native_size: int = 0
    ending: str | Ending | None = None
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

    def find_ending(self, model: keras.Model) -> Ending:
        """The ending that was asked for, or that the model suggests.

        Raises:
            ValueError: If there is none of that name.
        """
        return find_ending(self.ending, model)

    def describe(self, model: keras.Model) -> Metadata:
        """Metadata of a model that is yet to be quantized.

        Raises:
            ValueError: If there are labels, but not one for each class, or
                there is no such ending.
        """
        ending = self.find_ending(model)
        classes = ending.classes(model)
        if self.labels and len(self.labels) != classes:
            hint = ""
            if ending.task == "detection":
                hint = " The background is the first class."
            raise ValueError(
                f"The model has {classes} outputs. Received: "
                f"{len(self.labels)} labels.{hint}"
            )
        return Metadata(
            model=model.name,
            recipe="float32",
            labels=tuple(self.labels),
            crop_fraction=self.crop_fraction,
            native_size=self.native_size,
            version=__version__,
            compat=self.compat or "",
            task=ending.task,
            ending=ending.name,
            decoding=ending.decoding(exported_shape(model, self.size)[:2]),
        )

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
            crop_fraction=self.crop_fraction,
            native_size=self.native_size,
            whole=self.find_ending(model).takes_whole_pictures,
        ).reserve()
