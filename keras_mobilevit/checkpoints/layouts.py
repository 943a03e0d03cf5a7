"""Key layouts: the keys of each checkpoint format, and the conversion.

Everything is derived from the `KeyMap` of the architecture: the keys, the
architecture and layout of an unknown file, and the conversion in both
directions.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from keras_mobilevit.architectures import architectures, find_architecture
from keras_mobilevit.checkpoints.key_map import (
    QKV,
    KeyMap,
    Kind,
    Layout,
    Task,
)
from keras_mobilevit.lazy import resolve

ChannelOrder = Literal["rgb", "bgr"]

NUM_BATCHES = "num_batches_tracked"
# Architecture that is meant where none is named.
DEFAULT = "mobilevit"


class Weight(NamedTuple):
    """One weight of a Keras model and where a layout keeps it.

    Attributes:
        path: Path of the Keras variable.
        key: Key in the checkpoint.
        kind: Kind of the module.
        axes: Transposition from the checkpoint to Keras, `None` without one.
        part: Third of a fused query-key-value tensor, or `None`.
    """

    path: str
    key: str
    kind: str
    axes: tuple[int, ...] | None
    part: int | None


# Kind of module -> its weights, in the order in which Keras saves them.
_DENSE = (("kernel", "weight", (1, 0)), ("bias", "bias", (0,)))
_NORM = (("gamma", "weight", (0,)), ("beta", "bias", (0,)))
_MOMENTS = (
    ("moving_mean", "running_mean", (0,)),
    ("moving_variance", "running_var", (0,)),
)
_CONV = (("kernel", "weight", (2, 3, 1, 0)),)
KINDS: dict[str, Kind] = {
    "conv": _CONV,
    "biased_conv": (*_CONV, ("bias", "bias", (0,))),
    "depthwise": (("kernel", "weight", (2, 3, 0, 1)),),
    "dense": _DENSE,
    "query": _DENSE,
    "key": _DENSE,
    "value": _DENSE,
    "attention_output": _DENSE,
    "layer_norm": _NORM,
    "batch_norm": _NORM + _MOMENTS,
}


def key_map(architecture: str = DEFAULT) -> KeyMap:
    """The key map of an architecture, by its name."""
    return resolve(find_architecture(architecture).keys)


@functools.cache
def table(
    layout: Layout, task: Task = "classification", architecture: str = DEFAULT
) -> tuple[Weight, ...]:
    """Lists every weight of a network and where a layout keeps it.

    Raises:
        ValueError: If the layout has no networks for the task.
    """
    keys = key_map(architecture)
    if layout not in keys.layouts_of(task):
        raise ValueError(
            f"Networks for {task} have the key layouts "
            f"{keys.layouts_of(task)}. Received: layout={layout!r}"
        )
    return tuple(_weights(keys, keys.network(task), layout))


@functools.cache
def head_table(
    layout: Layout, task: Task, architecture: str = DEFAULT
) -> tuple[Weight, ...]:
    """The end of `table`: the weights behind the backbone."""
    keys = key_map(architecture)
    return tuple(_weights(keys, keys.heads[task].modules(), layout))


def _weights(keys, modules, layout):
    kinds = {**KINDS, **keys.kinds}
    for module in modules:
        kind, prefix = module.kind, getattr(module, layout)
        part = None
        if kind in QKV and layout in keys.fused_layouts:
            part = QKV.index(kind)
        for index, (name, torch_name, axes) in enumerate(kinds[kind]):
            if layout == "keras":
                key = f"{prefix}/{index}"
            elif layout == "kecam":
                # Keras 2 called the kernel of a depthwise layer so.
                depthwise = "depthwise_" if kind == "depthwise" else ""
                key = f"{prefix}/{depthwise}{name}"
            else:
                key = f"{prefix}.{torch_name}"
            if layout in ("keras", "kecam"):
                axes = None
            path = f"{module.keras}/{name}"
            yield Weight(path, key, kind, axes, part)


def detect(keys: Iterable[str]) -> tuple[str, Layout]:
    """Tells the architecture and the layout of a checkpoint from its keys.

    Raises:
        ValueError: If no layout has such keys.
    """
    keys = list(keys)
    found = []
    for architecture in architectures():
        layout = _find_layout(keys, architecture.name)
        if layout is not None:
            found.append((architecture.name, layout))
    if not found:
        layouts = tuple(
            dict.fromkeys(
                layout
                for architecture in architectures()
                for layout in key_map(architecture.name).layouts
            )
        )
        raise ValueError(
            "The checkpoint has none of the known MobileViT key layouts "
            f"{layouts}. Its first keys are {keys[:3]}."
        )
    # The stem alone may have the same name in several architectures.
    return max(
        found,
        key=lambda candidate: _count_known(keys, *candidate, field="key"),
    )


def detect_layout(keys: Iterable[str]) -> Layout:
    """Tells the layout alone, as `detect` does."""
    return detect(keys)[1]


def _find_layout(keys, architecture):
    known = key_map(architecture)
    for task in known.heads:
        for layout in known.layouts_of(task):
            if table(layout, task, architecture)[0].key in keys:
                return layout
    return None


def _count_known(names, architecture, layout, field):
    """How many of the names are in the tables of an architecture."""
    keys = key_map(architecture)
    known = {
        getattr(weight, field)
        for task in keys.heads
        if layout in keys.layouts_of(task)
        for weight in table(layout, task, architecture)
    }
    return sum(name in known for name in names)


def detect_task(
    keys: Iterable[str], layout: Layout, architecture: str = DEFAULT
) -> Task | None:
    """Tells from its keys what the network of a checkpoint is for.

    Args:
        keys: Keys of the checkpoint.
        layout: Their layout.
        architecture: Their architecture.

    Returns:
        The task whose head, or a part of it, is there; `None` for a backbone.
    """
    keys, known = set(keys), key_map(architecture)
    for task in known.heads:
        if layout in known.layouts_of(task) and any(
            weight.key in keys
            for weight in head_table(layout, task, architecture)
        ):
            return task
    return None


def architecture_of(paths: Iterable[str]) -> str:
    """As `detect`, for a model: the architecture that knows most of it.

    Args:
        paths: Paths of its variables.
    """
    paths = list(paths)
    return max(
        (architecture.name for architecture in architectures()),
        key=lambda name: _count_known(paths, name, "keras", field="path"),
    )


def task_of(paths: Iterable[str], architecture: str = DEFAULT) -> Task | None:
    """As `detect_task`, for a model: from the paths of its variables."""
    paths = set(paths)
    for task in key_map(architecture).heads:
        if any(
            weight.path in paths
            for weight in head_table("keras", task, architecture)
        ):
            return task
    return None


def to_keras(
    tensors: Mapping[str, np.ndarray],
    layout: Layout,
    channel_order: ChannelOrder | None = None,
    task: Task = "classification",
    architecture: str = DEFAULT,
) -> dict[str, np.ndarray]:
    """Converts the tensors of a checkpoint to the weights of the Keras model.

    Args:
        tensors: Arrays by checkpoint key. Keys that are not in the layout are
            left out.
        layout: Layout of the keys.
        channel_order: Channel order of the images that the checkpoint
            expects. Defaults to what the published files of the layout
            expect: of MobileViT `"bgr"` for cvnets and hf, else `"rgb"`.
        task: What the network of the checkpoint is for.
        architecture: Name of its architecture.

    Returns:
        Dict of arrays by path of the Keras variable.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import checkpoints
        >>> model = keras_mobilevit.MobileViTXXS(weights="cifar10")
        >>> checkpoints.save_safetensors(model, "mobilevit_xxs.safetensors")
        >>> tensors = checkpoints.read_tensors("mobilevit_xxs.safetensors")
        >>> weights = checkpoints.to_keras(tensors, layout="timm")
        >>> weights["stem/conv/kernel"].shape
        (3, 3, 3, 16)
    """
    weights, keys = {}, key_map(architecture)
    for path, key, kind, axes, part in table(layout, task, architecture):
        if key not in tensors:
            continue
        array = tensors[key]
        if axes is not None:
            array = array.transpose(axes)
        if part is not None:
            array = np.split(array, 3, axis=-1)[part]
        if layout != "keras":
            array = _split_heads(array, kind, keys.num_heads)
        if path == keys.stem and _is_bgr(keys, layout, channel_order):
            array = array[:, :, ::-1]
        weights[path] = array
    return weights


def from_keras(
    weights: Mapping[str, np.ndarray],
    layout: Layout = "timm",
    channel_order: ChannelOrder | None = None,
    task: Task = "classification",
    architecture: str = DEFAULT,
) -> dict[str, np.ndarray]:
    """Converts the weights of the Keras model to a checkpoint's tensors.

    The inverse of `to_keras`, bit for bit. PyTorch layouts get the batch
    counters that PyTorch expects beside the moments of a batch norm.

    Args:
        weights: Arrays by path of the Keras variable. Paths that are not in
            the layout are left out.
        layout: Layout of the keys.
        channel_order: As in `to_keras`.
        task: As in `to_keras`.
        architecture: As in `to_keras`.

    Returns:
        Dict of arrays by checkpoint key.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import checkpoints
        >>> model = keras_mobilevit.MobileViTXXS(weights="cifar10")
        >>> weights = checkpoints.read_weights(model)
        >>> tensors = checkpoints.from_keras(weights, layout="timm")
        >>> tensors["stem.conv.weight"].shape
        (16, 3, 3, 3)
    """
    pieces, keys = {}, key_map(architecture)
    for path, key, kind, axes, _ in table(layout, task, architecture):
        if path not in weights:
            continue
        array = weights[path]
        if path == keys.stem and _is_bgr(keys, layout, channel_order):
            array = array[:, :, ::-1]
        if layout != "keras":
            array = _merge_heads(array, kind)
        pieces.setdefault(key, (axes, []))[1].append(array)
    tensors = {}
    for key, (axes, arrays) in pieces.items():
        array = np.concatenate(arrays, axis=-1)
        if axes is not None:
            array = array.transpose(np.argsort(axes))
        tensors[key] = np.ascontiguousarray(array)
    for key in list(tensors):
        if key.endswith(".running_var"):
            counter = key.replace("running_var", NUM_BATCHES)
            tensors[counter] = np.zeros((), np.int64)
    return tensors


def _is_bgr(keys, layout, channel_order):
    if channel_order is None:
        return layout in keys.bgr_layouts
    if channel_order not in ("rgb", "bgr"):
        raise ValueError(
            '`channel_order` must be "rgb", "bgr" or `None`. Received: '
            f"channel_order={channel_order!r}"
        )
    return channel_order == "bgr"


def _split_heads(array, kind, heads):
    """Splits the d channels of attention into (heads, d / heads)."""
    if kind in QKV:
        return array.reshape(*array.shape[:-1], heads, -1)
    if kind == "attention_output" and array.ndim == 2:
        return array.reshape(heads, -1, array.shape[-1])
    return array


def _merge_heads(array, kind):
    """Inverse of `_split_heads`."""
    if kind in QKV:
        return array.reshape(*array.shape[:-2], -1)
    if kind == "attention_output" and array.ndim == 3:
        return array.reshape(-1, array.shape[-1])
    return array
