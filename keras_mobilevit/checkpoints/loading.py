"""Moves weights between checkpoint files and models, all or nothing."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import keras
import numpy as np

from keras_mobilevit.checkpoints import key_map, layouts, readers
from keras_mobilevit.checkpoints.info import INFO_KEY
from keras_mobilevit.checkpoints.model_folder import folder_channel_order
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.text_formatting import abbreviate


@dataclasses.dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint file holds.

    Attributes:
        kind: Kind of file.
        layout: Layout of its keys.
        variant: Name of the variant, or `None` if it is unknown.
        classes: Number of classes, or `None` without a classifier.
        task: What the network is for, or `None` for a backbone alone.
        architecture: Name of the architecture that the variant is of.

    Example:
        >>> from keras_mobilevit import checkpoints
        >>> path = checkpoints.fetch("cifar10", "mobilevit_xxs")
        >>> info = checkpoints.identify(path)
        >>> info.kind, info.variant, info.classes
        ('keras_h5', 'mobilevit_xxs', 10)
    """

    kind: readers.FileKind
    layout: key_map.Layout
    variant: str | None
    classes: int | None
    task: key_map.Task | None = "classification"
    architecture: str = layouts.DEFAULT


def identify(path: str | pathlib.Path) -> CheckpointInfo:
    """Tells what a checkpoint file holds.

    Args:
        path: File or folder of any kind that `load_weights` takes.

    Returns:
        The kind of file, the key layout, the variant, the classes, the
        task and the architecture.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or no MobileViT checkpoint.

    Example:
        >>> from keras_mobilevit import checkpoints
        >>> path = checkpoints.fetch("cifar10", "mobilevit_xxs")
        >>> checkpoints.identify(path)
        CheckpointInfo(kind='keras_h5', layout='keras', variant='mobilevit_xxs',
            classes=10, task='classification', architecture='mobilevit')
    """
    # Weights and their average have the same keys and shapes.
    tensors = readers.read_all(path).tensors
    architecture, layout = layouts.detect(tensors)
    task = layouts.detect_task(tensors, layout, architecture)
    variant, classes = _describe(_shapes(tensors), layout, task, architecture)
    kind = readers.file_kind(path)
    return CheckpointInfo(kind, layout, variant, classes, task, architecture)


def load_weights(
    model: keras.Model,
    path: str | pathlib.Path,
    channel_order: layouts.ChannelOrder | None = None,
    *,
    ema: bool | None = None,
) -> None:
    """Loads a checkpoint of any kind into a MobileViT.

    Every key and shape is checked before the model is touched: when this
    raises, the model is as it was. What the file holds behind the backbone and
    the model lacks is left out: the classifier (`include_top=False`), or for a
    backbone the head of any network.

    Args:
        model: MobileViT classifier, feature extractor, backbone, segmentation
            network or detector.
        path: `.weights.h5` or `.keras` (Keras), `.safetensors`, `.pt` or
            `.pth` (PyTorch; cvnets, timm or Hugging Face keys), or `.h5`
            (keras_cv_attention_models). The contents decide, not the suffix.
            Or a folder in which Hugging Face saved a model.
        channel_order: Channel order of the images that a foreign checkpoint
            expects, where it differs from the published files of its kind;
            a folder says it itself.
        ema: Which weights to take of a file that holds them and their
            exponential moving average, as in
            `keras_mobilevit.checkpoints.read_tensors`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, does not fit the model, or does
            not hold the weights that `ema` asks for.
        ImportError: If the file needs safetensors and it is not installed.

    Warns:
        UserWarning: If the file holds both and `ema` does not choose.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import checkpoints
        >>> model = keras_mobilevit.MobileViTXXS(
        ...     weights=None, include_top=False, pooling="avg"
        ... )
        >>> path = checkpoints.fetch("cifar10", "mobilevit_xxs")
        >>> checkpoints.load_weights(model, path)
        >>> model.output_shape
        (None, 320)
    """
    tensors = readers.read_tensors(path, ema=ema)
    found, layout = layouts.detect(tensors)
    weights = read_weights(model)
    architecture = layouts.architecture_of(weights)
    if found != architecture:
        raise ValueError(
            f"{path} holds {found} weights, the model is {architecture}."
        )
    task = _common_task(path, tensors, layout, weights, architecture)
    _check_fit(path, tensors, layout, task, weights, architecture)
    weights = layouts.to_keras(
        tensors,
        layout,
        channel_order or folder_channel_order(path),
        task,
        architecture,
    )
    for variable in model.weights:
        variable.assign(weights[variable.path])


def read_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Reads the weights of a MobileViT by the path of their variable.

    Raises:
        ValueError: If the model has weights that no MobileViT has.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import checkpoints
        >>> model = keras_mobilevit.MobileViTXXS(weights="cifar10")
        >>> weights = checkpoints.read_weights(model)
        >>> weights["stem/conv/kernel"].shape
        (3, 3, 3, 16)
    """
    weights = {v.path: v.numpy() for v in model.weights}
    architecture = layouts.architecture_of(weights)
    task = layouts.task_of(weights, architecture) or "classification"
    table = layouts.table("keras", task, architecture)
    known = {weight.path for weight in table}
    foreign = [path for path in weights if path not in known]
    if foreign:
        raise ValueError(
            "Checkpoints are for MobileViT networks and backbones as "
            f"trained. {model.name} has other weights: "
            f"{abbreviate(sorted(foreign), 3)}."
        )
    return weights


def save_safetensors(
    model: keras.Model,
    path: str | pathlib.Path,
    info: ModelInfo | None = None,
) -> None:
    """Saves a MobileViT as safetensors with the keys of timm.

    What timm does not have gets the keys of Hugging Face (segmentation) or of
    Apple (detection). The file appears under its name only when it is
    complete.

    Args:
        model: As in `load_weights`.
        path: File to write.
        info: What is known of the weights, kept in the file.

    Raises:
        ValueError: If the model has weights that no MobileViT has.
        ImportError: If safetensors is not installed.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import checkpoints
        >>> model = keras_mobilevit.MobileViTXXS(weights="cifar10")
        >>> checkpoints.save_safetensors(model, "mobilevit_xxs.safetensors")
        >>> checkpoints.identify("mobilevit_xxs.safetensors").layout
        'timm'
    """
    safetensors = readers.import_safetensors()
    weights = read_weights(model)
    architecture = layouts.architecture_of(weights)
    task = layouts.task_of(weights, architecture) or "classification"
    keys = layouts.key_map(architecture)
    published = keys.layouts_of(task)
    layout = next(name for name in keys.saved_layouts if name in published)
    tensors = layouts.from_keras(
        weights, layout, task=task, architecture=architecture
    )
    metadata = {"format": "pt"}
    if info is not None:
        metadata[INFO_KEY] = info.to_json()
    part = pathlib.Path(f"{path}.part")
    try:
        safetensors.numpy.save_file(tensors, part, metadata=metadata)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _common_task(path, tensors, layout, weights, architecture):
    """Task of file and model; a backbone alone goes with any.

    Raises:
        ValueError: If each has a head, and they are for different tasks.
    """
    found = layouts.detect_task(tensors, layout, architecture)
    expected = layouts.task_of(weights, architecture)
    if found and expected and found != expected:
        raise ValueError(
            f"{path} holds the weights of a network for {found}, the model is "
            f"for {expected}. To take over the backbone alone, pass the file "
            "as `backbone_weights`, or load it into a `MobileViTBackbone`."
        )
    return found or expected or "classification"


def _check_fit(path, tensors, layout, task, weights, architecture):
    """Raises ValueError unless the tensors fill exactly these weights."""
    found = _shapes(tensors)
    expected = _shapes(
        layouts.from_keras(
            weights, layout, task=task, architecture=architecture
        )
    )
    (variant, classes), (model_variant, model_classes) = (
        _describe(shapes, layout, task, architecture)
        for shapes in (found, expected)
    )
    if variant and model_variant and variant != model_variant:
        raise ValueError(
            f"{path} holds {variant} weights, the model is {model_variant}."
        )
    if classes and model_classes and classes != model_classes:
        way_out = "`include_top=False`"
        if task != "classification":
            way_out = "the file as `backbone_weights`"
        raise ValueError(
            f"{path} holds weights for {classes} classes, the model has "
            f"{model_classes}. Pass `classes={classes}`, or {way_out} to "
            "leave the classifier out."
        )
    top = {
        weight.key for weight in layouts.head_table(layout, task, architecture)
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
            f"{len(keys)} {what}: {abbreviate(sorted(keys), 3)}"
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


def _describe(shapes, layout, task, architecture):
    """Variant (by the lengths that its key map names) and number of classes."""
    task = task or "classification"
    keys = layouts.key_map(architecture)
    table = layouts.table(layout, task, architecture)
    lengths = {
        weight.path: shapes[weight.key][0]
        for weight in table
        if len(shapes.get(weight.key, ())) == 1
    }
    variant = next(
        (
            name
            for name, expected in keys.variants.items()
            if all(lengths.get(path) == n for path, n in expected.items())
        ),
        None,
    )
    head = keys.heads[task]
    bias = lengths.get(head.bias)
    return variant, head.count_classes(bias) if bias else None
