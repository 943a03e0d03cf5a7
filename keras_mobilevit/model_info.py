"""Everything that is known about a model, as data that travels with it.

One description from the preset or the training run through `.weights.h5`,
`.keras` and `.tflite` files to the code that runs, evaluates and reports.
`MODEL_INFO.md` documents the JSON form for readers in other languages.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from keras_mobilevit.deprecation import moved_attribute
from keras_mobilevit.model_info_v1 import upgrade

# Raised only when a key that exists changes its meaning. New keys need no new
# version: readers keep those that they do not know.
SCHEMA_VERSION = 2

TASKS = ("classification", "segmentation", "detection")
KINDS = ("logits", "probabilities", "anchors", "boxes", "mask")
# What a classifier's output answers; see `keras_mobilevit.problem_types`.
PROBLEM_TYPES = ("single_label", "binary", "multi_label", "regression")
CROP_MODES = ("center", "squash")
CHANNEL_ORDERS = ("rgb", "bgr", "gray")

# What the description of a .tflite file had in 0.1, as attributes.
_MOVED = {
    "model": "name",
    "crop_fraction": "image.crop_pct",
    "native_size": "image.pre_resize",
    "decoding": "output.decoding",
}

# Files come from anywhere; these bound what a small one can make us allocate.
MAX_BYTES = 2**24
_MAX_CLASSES = 100_000
_MAX_SIDE = 2**16
_MAX_CHANNELS = 4
_MAX_TEXT = 10_000

_Spec = TypeVar("_Spec", bound="_Checked")


class _Checked:
    """A dataclass whose fields carry the rules that their values obey."""

    # In front of the names of fields in messages, as in the JSON form.
    _prefix: ClassVar[str] = ""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):
                # Of JSON, or of a caller.
                value = tuple(value)
                object.__setattr__(self, field.name, value)
            if not field.metadata["accepts"](value):
                raise ValueError(
                    f"`{self._prefix}{field.name}` must be "
                    f"{field.metadata['expected']}. Received: "
                    f"{_abbreviate(value)}"
                )

    def _to_fields(self) -> dict[str, Any]:
        fields = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
        }
        unknown = fields.pop("unknown")
        fields = {
            name: value._to_fields() if isinstance(value, _Checked) else value
            for name, value in fields.items()
        }
        return {**unknown, **fields}

    @classmethod
    def _from_fields(cls: type[_Spec], values: Any) -> _Spec:
        if not isinstance(values, dict):
            raise ValueError(
                f"`{cls._prefix.rstrip('.') or 'the description'}` must be a "
                f"JSON object. Received: {_abbreviate(values)}"
            )
        names = {field.name for field in dataclasses.fields(cls)} - {"unknown"}
        known = {n: value for n, value in values.items() if n in names}
        return cls(
            **known,
            unknown={n: v for n, v in values.items() if n not in names},
        )


# === Rules ===


def _field(
    accepts: Callable[[Any], bool], expected: str, default: Any
) -> dataclasses.Field:
    rule = {"accepts": accepts, "expected": expected}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata=rule)
    return dataclasses.field(default=default, metadata=rule)


def _text(default=""):
    return _field(
        lambda x: isinstance(x, str) and len(x) <= _MAX_TEXT,
        f"a text of at most {_MAX_TEXT:,} characters",
        default,
    )


def _choice(default, choices, optional=False):
    options = (*choices, None) if optional else choices
    return _field(
        lambda x: isinstance(x, str | None) and x in options,
        f"one of {list(options)}",
        default,
    )


def _is_whole(value, least, most):
    # In Python, True is an integer too.
    return type(value) is int and least <= value <= most


def _whole(default, least, most, optional=False):
    return _field(
        lambda x: (optional and x is None) or _is_whole(x, least, most),
        f"a whole number from {least} to {most:,}"
        + (", or null" if optional else ""),
        default,
    )


def _number(default, expected, accepts=lambda x: True):
    return _field(
        lambda x: (
            isinstance(x, int | float)
            and not isinstance(x, bool)
            and abs(x) <= 1e30  # False for NaN, and no overflow of integers.
            and accepts(x)
        ),
        expected,
        default,
    )


def _numbers(default, expected, accepts=lambda x: True):
    """A number, or one for each channel."""
    accepts_one = _number(default, expected, accepts).metadata["accepts"]
    return _field(
        lambda x: (
            0 < len(x) <= _MAX_CHANNELS and all(map(accepts_one, x))
            if isinstance(x, tuple)
            else accepts_one(x)
        ),
        f"{expected}, or a list of them, one a channel",
        default,
    )


def _mapping():
    return _field(lambda x: isinstance(x, Mapping), "a JSON object", {})


def _spec(kind):
    rule = _field(lambda x: isinstance(x, kind), f"of {kind.__name__}", None)
    return dataclasses.field(default_factory=kind, metadata=rule.metadata)


def _is_size(value):
    return value is None or (
        isinstance(value, tuple)
        and len(value) == 2
        and all(_is_whole(side, 1, _MAX_SIDE) for side in value)
    )


def _are_labels(value):
    return (
        isinstance(value, tuple)
        and len(value) <= _MAX_CLASSES
        and all(isinstance(x, str) and len(x) <= _MAX_TEXT for x in value)
    )


def _abbreviate(value):
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


# === The description ===


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSpec(_Checked):
    """How a picture becomes the input of a model.

    Attributes:
        size: `(height, width)` of the input, in pixels; `None` if unknown, or
            for any size.
        crop_pct: Side of the centre crop over the side of the resized
            picture, in (0, 1]; only for `crop_mode="center"`. See
            `keras_mobilevit.images.load_image`.
        pre_resize: Short side that a picture is reduced to before it is
            resized, in pixels, for models that were trained on enlarged
            images; 0 for none.
        crop_mode: `"center"`: resized with its aspect ratio until it covers
            the input, then cropped; `"squash"`: resized whole, whatever its
            aspect ratio.
        interpolation: `"bilinear"`, which is all that this package has.
        antialias: Whether it is low-pass filtered where it is reduced, as
            Pillow does.
        channel_order: `"rgb"`, `"bgr"`, `"gray"` for one channel of luma, or
            `None` for channels that no picture has.
        scale: The input is `pixel * scale + offset`, for pixels in [0, 255].
            One number, or one for each channel; see
            `keras_mobilevit.pixel_scaling`. Files that this package exports
            take pixels, and scale them themselves.
        offset: See `scale`.
        unknown: Keys of the JSON form that this version does not know.

    Example:
        >>> from keras_mobilevit.model_info import ImageSpec
        >>> ImageSpec(size=(256, 256), crop_pct=0.875).crop_mode
        'center'
    """

    _prefix: ClassVar[str] = "image."

    size: tuple[int, int] | None = _field(
        _is_size,
        f"[height, width], two whole numbers from 1 to {_MAX_SIDE:,}, or null",
        None,
    )
    crop_pct: float = _number(1.0, "a number in (0, 1]", lambda x: 0 < x <= 1)
    pre_resize: int = _whole(0, 0, _MAX_SIDE)
    crop_mode: str = _choice("center", CROP_MODES)
    interpolation: str = _text("bilinear")
    antialias: bool = _field(
        lambda x: isinstance(x, bool), "true or false", True
    )
    channel_order: str | None = _choice("rgb", CHANNEL_ORDERS, optional=True)
    scale: float | tuple[float, ...] = _numbers(
        1.0, "a number above 0", lambda x: x > 0
    )
    offset: float | tuple[float, ...] = _numbers(0.0, "a finite number")
    unknown: Mapping[str, Any] = _mapping()


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputSpec(_Checked):
    """What the outputs of a model mean.

    Attributes:
        kind: `"logits"` or `"probabilities"` of classes, of a picture or of
            each cell of a map; `"anchors"`: offsets and logits of each anchor
            of a detector; `"boxes"`: those that suppression left; `"mask"`:
            class ids; `None` if unknown, or none of them.
        problem_type: Of classifiers: `"single_label"`, one of several
            classes; `"binary"`, one score, of the second of two classes;
            `"multi_label"`, each class by itself; `"regression"`, values.
            `None` if unknown, and for other tasks. See
            `keras_mobilevit.problem_types`.
        label_offset: Index of the class of the output that `labels[0]` names:
            1 where class 0 is the background of a detector, else 0.
        stride: Pixels of the input a cell of the output, of networks for
            segmentation; of weights, a cell of the map before it is
            interpolated. `None` if unknown, or without meaning.
        decoding: How to read the outputs, for readers without this package.
        unknown: Keys of the JSON form that this version does not know.

    Example:
        >>> from keras_mobilevit.model_info import OutputSpec
        >>> OutputSpec(kind="anchors", label_offset=1).label_offset
        1
    """

    _prefix: ClassVar[str] = "output."

    kind: str | None = _choice(None, KINDS, optional=True)
    problem_type: str | None = _choice(None, PROBLEM_TYPES, optional=True)
    label_offset: int = _whole(0, 0, 1)
    stride: int | None = _whole(None, 1, _MAX_SIDE, optional=True)
    decoding: Mapping[str, Any] = _mapping()
    unknown: Mapping[str, Any] = _mapping()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelInfo(_Checked):
    """Everything that is known about a model.

    The fields from `recipe` on are those of `.tflite` files.

    Attributes:
        name: Name of the Keras model.
        architecture: Family, such as `"mobilevit"`; empty if unknown.
        variant: Such as `"mobilevit_xxs"`; empty if unknown.
        task: `"classification"`, `"segmentation"` or `"detection"`.
        labels: Class names; empty if unknown. `output.label_offset` says
            which class of the output the first one names. Those of a
            detector do not include the background, those of a network for
            segmentation do, if it is a class like the others.
        classes: Number of classes, counted as `labels` are; `None` if
            unknown.
        image: How a picture becomes the input.
        output: What the outputs mean.
        licence: Licence of the weights; empty if unknown.
        training_data: What the weights were trained on; empty if unknown.
        recipe: Name of the quantization recipe.
        recipe_fields: The recipe as data; see
            `keras_mobilevit.tflite.Recipe`.
        calibration_images: Number of images that were there to set ranges,
            round weights and correct biases, some of which took only a part
            of them; those that were reserved to verify the file come on top.
        calibration_seed: Seed that drew them; `None` where the caller chose.
        compat: Older TensorFlow Lite that the file was made to run on; empty
            for LiteRT.
        fidelity: How near the file is to float32, as
            `keras_mobilevit.tflite.output_fidelity.fidelity_facts` describes;
            empty for files that were made without images.
        self_test: What the file gave for a known input, as
            `keras_mobilevit.tflite.self_test` describes; empty if it was not
            recorded.
        version: Version of this package that wrote the file.
        unknown: Keys of the JSON form that this version does not know. They
            are written again.

    Raises:
        ValueError: If a value is out of its range; the message names the key.

    Example:
        >>> from keras_mobilevit.model_info import ModelInfo
        >>> info = ModelInfo(name="pets", labels=("cat", "dog"), classes=2)
        >>> ModelInfo.from_json(info.to_json()) == info
        True
    """

    name: str = _text()
    architecture: str = _text()
    variant: str = _text()
    task: str = _choice("classification", TASKS)
    labels: tuple[str, ...] = _field(
        _are_labels, f"a list of at most {_MAX_CLASSES:,} texts", ()
    )
    classes: int | None = _whole(None, 1, _MAX_CLASSES, optional=True)
    image: ImageSpec = _spec(ImageSpec)
    output: OutputSpec = _spec(OutputSpec)
    licence: str = _text()
    training_data: str = _text()
    recipe: str = _text()
    recipe_fields: Mapping[str, Any] = _mapping()
    calibration_images: int = _whole(0, 0, 10**9)
    calibration_seed: int | None = _whole(None, 0, 2**64, optional=True)
    compat: str = _text()
    fidelity: Mapping[str, Any] = _mapping()
    self_test: Mapping[str, Any] = _mapping()
    version: str = _text()
    unknown: Mapping[str, Any] = _mapping()

    def __post_init__(self):
        super().__post_init__()
        if self.labels and self.classes not in (None, len(self.labels)):
            raise ValueError(
                f"`labels` must name each of the {self.classes} `classes`. "
                f"Received: {len(self.labels)} labels"
            )

    def __getattr__(self, name: str) -> Any:
        return moved_attribute(self, name, _MOVED)

    @property
    def output_labels(self) -> tuple[str, ...]:
        """Names of the classes of the output; empty if there are none.

        Unlike `labels` they begin with `"background"`, where it is a class of
        the output of a detector.
        """
        if not self.labels:
            return ()
        return ("background",) * self.output.label_offset + self.labels

    @property
    def output_classes(self) -> int | None:
        """Number of classes of the output, a detector's background included.

        `None` if unknown.
        """
        if self.classes is None:
            return None
        return self.classes + self.output.label_offset

    def with_image(self, **fields: Any) -> ModelInfo:
        """Returns a copy whose `image` has other values in some fields."""
        image = dataclasses.replace(self.image, **fields)
        return dataclasses.replace(self, image=image)

    def to_json(self) -> str:
        """Returns the description as JSON, as `MODEL_INFO.md` documents it."""
        fields = {"schema_version": SCHEMA_VERSION, **self._to_fields()}
        return json.dumps(fields, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> ModelInfo:
        """Reads a description that this version or an older one wrote.

        Args:
            text: JSON, in UTF-8 if it is bytes. It need not be trusted.

        Raises:
            ValueError: If it is no description, of a newer schema, or has
                values out of their ranges; the message names the key.
        """
        if len(text) > MAX_BYTES:
            raise ValueError(
                "A description of a model has at most "
                f"{MAX_BYTES:,} bytes. Received: {len(text):,}"
            )
        try:
            fields = json.loads(text, parse_constant=_refuse_constant)
        except RecursionError as error:
            raise ValueError("The JSON is nested too deeply.") from error
        if not isinstance(fields, dict):
            raise ValueError(
                "A description of a model must be a JSON object. Received: "
                f"{_abbreviate(fields)}"
            )
        version = fields.pop("schema_version", 1)
        if not _is_whole(version, 1, SCHEMA_VERSION):
            raise ValueError(
                "`schema_version` must be a whole number from 1 to "
                f"{SCHEMA_VERSION}: update keras_mobilevit to read newer ones. "
                f"Received: {_abbreviate(version)}"
            )
        if version == 1:
            fields = upgrade(fields)
        for name, kind in (("image", ImageSpec), ("output", OutputSpec)):
            if name in fields:
                fields[name] = kind._from_fields(fields[name])
        return cls._from_fields(fields)


def _refuse_constant(name):
    raise ValueError(f"JSON has no {name}.")
