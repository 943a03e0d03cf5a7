"""Moves weights between checkpoint files and models, all or nothing."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import keras
import numpy as np

from keras_mobilevit.checkpoints import layouts, readers
from keras_mobilevit.configs import VARIANTS


@dataclasses.dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint file holds.

    Attributes:
        kind: Kind of file.
        layout: Layout of its keys.
        variant: Name of the MobileViT variant, or `None` if it is unknown.
        classes: Number of classes, or `None` without a classifier.
    """

    kind: readers.FileKind
    layout: layouts.Layout
    variant: str | None
    classes: int | None


def identify(path: str | pathlib.Path) -> CheckpointInfo:
    """Tells what a checkpoint file holds.

    Args:
        path: File of any kind that `load_weights` takes.

    Returns:
        The kind of file, the key layout, the variant and the classes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or no MobileViT checkpoint.
    """
    tensors = readers.read_tensors(path)
    layout = layouts.detect_layout(tensors)
    variant, classes = _describe(_shapes(tensors), layout)
    return CheckpointInfo(readers.file_kind(path), layout, variant, classes)


def load_weights(
    model: keras.Model,
    path: str | pathlib.Path,
    channel_order: layouts.ChannelOrder | None = None,
) -> None:
    """Loads a checkpoint of any kind into a MobileViT.

    Every key and shape is checked before the model is touched: when this
    raises, the model is as it was. A classifier or head in the file that the
    model lacks (`include_top=False`) is left out.

    Args:
        model: MobileViT classifier, feature extractor or backbone.
        path: `.weights.h5` or `.keras` (Keras), `.safetensors`, `.pt` or
            `.pth` (PyTorch; cvnets, timm or Hugging Face keys), or `.h5`
            (keras_cv_attention_models). The contents decide, not the suffix.
        channel_order: Channel order of the images that a foreign checkpoint
            expects, where it differs from the published files of its kind.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or does not fit the model.
        ImportError: If the file needs safetensors and it is not installed.
    """
    tensors = readers.read_tensors(path)
    layout = layouts.detect_layout(tensors)
    _check_fit(path, tensors, layout, read_weights(model))
    weights = layouts.to_keras(tensors, layout, channel_order)
    for variable in model.weights:
        variable.assign(weights[variable.path])


def read_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Reads the weights of a MobileViT by the path of their variable.

    Raises:
        ValueError: If the model has weights that no MobileViT has.
    """
    weights = {v.path: v.numpy() for v in model.weights}
    known = {weight.path for weight in layouts.table("keras")}
    foreign = [path for path in weights if path not in known]
    if foreign:
        raise ValueError(
            "Checkpoints are for MobileViT classifiers and backbones as "
            f"trained. {model.name} has other weights: {_some(foreign)}."
        )
    return weights


def save_safetensors(model: keras.Model, path: str | pathlib.Path) -> None:
    """Saves a MobileViT as safetensors with the keys of timm.

    The file appears under its name only when it is complete.

    Args:
        model: MobileViT classifier, feature extractor or backbone.
        path: File to write.

    Raises:
        ValueError: If the model has weights that no MobileViT has.
        ImportError: If safetensors is not installed.
    """
    safetensors = readers.import_safetensors()
    tensors = layouts.from_keras(read_weights(model), "timm")
    part = pathlib.Path(f"{path}.part")
    try:
        safetensors.numpy.save_file(tensors, part, metadata={"format": "pt"})
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _check_fit(path, tensors, layout, weights):
    """Raises ValueError unless the tensors fill exactly these weights."""
    found = _shapes(tensors)
    expected = _shapes(layouts.from_keras(weights, layout))
    (variant, classes), (model_variant, model_classes) = (
        _describe(shapes, layout) for shapes in (found, expected)
    )
    if variant and model_variant and variant != model_variant:
        raise ValueError(
            f"{path} holds {variant} weights, the model is {model_variant}."
        )
    if classes and model_classes and classes != model_classes:
        raise ValueError(
            f"{path} holds weights for {classes} classes, the model has "
            f"{model_classes}. Pass `classes={classes}`, or "
            "`include_top=False` to leave the classifier out."
        )
    top = {
        weight.key
        for weight in layouts.table(layout)
        if weight.path.startswith(("head/", "predictions/"))
    }
    problems = {
        "missing": [key for key in expected if key not in found],
        "unknown": [key for key in found if key not in {*expected, *top}],
        "of another shape": [
            f"{key} {found[key]}, the model has {shape}"
            for key, shape in expected.items()
            if found.get(key, shape) != shape
        ],
        "not floating point": [
            key
            for key in expected.keys() & found
            if tensors[key].dtype.kind != "f"
        ],
    }
    problems = {what: keys for what, keys in problems.items() if keys}
    if problems:
        listing = "; ".join(
            f"{len(keys)} {what}: {_some(keys)}"
            for what, keys in problems.items()
        )
        raise ValueError(
            f"{path} ({layout} keys) does not fit the model. Keys {listing}."
        )


def _shapes(tensors):
    """Shapes by key, without the batch counters of PyTorch."""
    return {
        key: array.shape
        for key, array in tensors.items()
        if not key.endswith(layouts.NUM_BATCHES)
    }


def _describe(shapes, layout):
    """Variant (by the token widths of its stages) and number of classes."""
    keys = {weight.path: weight.key for weight in layouts.table(layout)}
    widths = [
        shapes.get(keys[f"stage{stage}_block/norm/gamma"])
        for stage in (3, 4, 5)
    ]
    variant = next(
        (
            name
            for name, config in VARIANTS.items()
            if widths == [(stage.projection_dim,) for stage in config.stages]
        ),
        None,
    )
    bias = shapes.get(keys["predictions/bias"])
    return variant, bias[0] if bias else None


def _some(keys):
    keys = sorted(keys)
    return ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "")
