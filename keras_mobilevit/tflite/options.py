"""Options of every export: input size, calibration, preprocessing, fidelity."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import keras

from keras_mobilevit.input_scaling import resolve_scaling, with_scaling
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.model_names import first_name
from keras_mobilevit.output_kind import output_scores
from keras_mobilevit.pixel_scaling import PixelScaling
from keras_mobilevit.problem_types import check_problem_type
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
    scaling: str | PixelScaling | None = None
    problem_type: str | None = None
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
        info = self.info or ModelInfo()
        for name, known in (
            ("labels", info.labels),
            ("problem_type", info.output.problem_type),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, known)

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

    def problem_type_of(self, model: keras.Model) -> str | None:
        """What the output of a classifier answers; `None` for all else.

        Raises:
            ValueError: If its output can not be of the type that was asked
                for.
        """
        if self.find_output_head(model).task != "classification":
            return None
        found = output_scores(model).problem_type
        if len(model.outputs) == 1 and self.problem_type:
            check_problem_type(self.problem_type, model.output_shape[-1])
        return self.problem_type or found

    def find_scaling(self, model: keras.Model) -> PixelScaling:
        """The scaling of pixels that was asked for, or that a model expects.

        Raises:
            ValueError: If it is not known.
        """
        image = self.info.image if self.info else None
        return resolve_scaling(model, image, self.scaling)

    def prepare(self, model: keras.Model) -> keras.Model:
        """The network to be quantized: from pixels to what the head takes.

        Raises:
            ValueError: If the output head is not for such a model, or it is
                not known how the model expects its pixels to be scaled.
        """
        # What is wrong with the model itself comes first.
        exported_shape(model, self.size)
        scaling = self.find_scaling(model)
        network = self.find_output_head(model).prepare(model)
        return with_scaling(network, scaling)

    def describe(self, model: keras.Model) -> ModelInfo:
        """Description of a file that is yet to be quantized.

        Raises:
            ValueError: If there are labels, but not one for each class, or
                there is no such output head.
        """
        known = self.info or ModelInfo()
        output_head = self.find_output_head(model)
        labels, classes = self._named_classes(output_head, model)
        *size, channels = shape = exported_shape(model, self.size)
        image = dataclasses.replace(
            known.image,
            size=tuple(size),
            # `prepare` puts what the model expects into the graph.
            scale=1.0,
            offset=0.0,
        )
        if output_head.takes_whole_images:
            image = dataclasses.replace(image, crop_mode="squash")
        if channels != 3:
            order = "gray" if channels == 1 else None
            image = dataclasses.replace(image, channel_order=order)
        return dataclasses.replace(
            known,
            # If none of them, that of the file.
            name=first_name(model.name, known.name, known.variant),
            task=output_head.task,
            labels=labels,
            classes=classes,
            image=image,
            output=self._describe_output(output_head, model, shape),
            recipe="float32",
            # Of another file, if the caller took it from one.
            recipe_fields={},
            calibration_images=0,
            calibration_seed=None,
            fidelity={},
            self_test={},
            compat=self.compat or "",
            version=__version__,
        )

    def _describe_output(self, output_head, model, shape):
        output = output_head.describe(model, shape)
        problem_type = self.problem_type_of(model)
        # Values are neither logits nor probabilities.
        kind = None if problem_type == "regression" else output.kind
        return dataclasses.replace(output, kind=kind, problem_type=problem_type)

    def _named_classes(self, output_head, model):
        """`(labels, their number)`, of a detector without the background."""
        labels, classes = tuple(self.labels), output_head.classes(model)
        hint = ""
        if self.problem_type_of(model) == "binary":
            # One score tells two classes apart, of which it is the second's.
            classes = 1 if len(labels) == 1 else 2
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
            scaling=self.find_scaling(model),
        ).reserve()
