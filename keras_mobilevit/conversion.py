"""Converts checkpoints between formats, verified before they appear."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tempfile

import keras
import numpy as np

from keras_mobilevit import checkpoints
from keras_mobilevit.architectures import constructors
from keras_mobilevit.checkpoints.layouts import ChannelOrder
from keras_mobilevit.input_scaling import describe_scaling

SUFFIXES = (".weights.h5", ".keras", ".safetensors")


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A finished conversion.

    Attributes:
        source: What the source file holds.
        target: File that was written.
    """

    source: checkpoints.CheckpointInfo
    target: pathlib.Path


def convert(
    source: str | pathlib.Path,
    target: str | pathlib.Path,
    *,
    channel_order: ChannelOrder | None = None,
    ema: bool | None = None,
) -> Conversion:
    """Converts a MobileViT checkpoint of any kind.

    What the source says of itself, its labels, preprocessing, licence and
    task, goes into the target. Before it appears under its name, it is loaded
    into a fresh model, whose outputs must equal those of the source bit for
    bit. A `.keras` target takes RGB pixels in [0, 255] and returns logits; a
    segmentation network takes any size, and returns them at it, with the
    output stride that the source tells, or else 16; a detector takes any size,
    and returns offsets and logits.

    Args:
        source: File or folder of any kind that `checkpoints.load_weights`
            takes.
        target: File to write; its suffix is `.weights.h5`, `.keras` or
            `.safetensors` (with the keys of timm, or as
            `checkpoints.save_safetensors` says).
        channel_order: `"rgb"` or `"bgr"`, the order of the image channels
            that the source expects, where it differs from the published
            files of its kind.
        ema: Which weights to take of a source that holds them and their
            exponential moving average, as in `checkpoints.load_weights`.

    Returns:
        What was read and what was written.

    Raises:
        FileNotFoundError: If there is no such source, or no such folder.
        ValueError: If the source is no MobileViT checkpoint, or the suffix of
            the target is unknown.
        ImportError: If safetensors is needed and not installed.
        RuntimeError: If the written file gives other outputs.
    """
    target = pathlib.Path(target)
    if not target.name.endswith(SUFFIXES):
        raise ValueError(
            f"`target` must end in one of {SUFFIXES}. Received: target={target}"
        )
    info = checkpoints.identify(source)
    known = checkpoints.read_info(source)
    if info.variant is None:
        raise ValueError(f"{source} holds the weights of no MobileViT variant.")

    output_stride = checkpoints.read_output_stride(source)

    def build(path, channel_order=None, ema=None):
        model = _build(info, output_stride)
        checkpoints.load_weights(model, path, channel_order, ema=ema)
        return model

    model = build(source, channel_order, ema)
    if known is not None:
        known = describe_scaling(known, model)
    # A folder beside the target: the rename stays within one file system, and
    # Keras, which looks at the suffix, gets to see the real name.
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        part = pathlib.Path(folder, target.name)
        if target.name.endswith(".safetensors"):
            checkpoints.save_safetensors(model, part, known)
        elif target.name.endswith(".keras"):
            model.save(part)
            if known is not None:
                checkpoints.add_info(part, known)
        else:
            checkpoints.save_compact(model, part, known)

        if target.name.endswith(".keras"):
            reloaded = keras.saving.load_model(part, compile=False)
        else:
            reloaded = build(part)
        # The networks for dense prediction take any size.
        size = (side or 256 for side in model.input_shape[1:3])
        images = np.random.default_rng(0).uniform(0, 255, (2, *size, 3))
        images = images.astype(np.float32)
        expected, actual = (
            keras.ops.convert_to_numpy(m(images, training=False))
            for m in (model, reloaded)
        )
        if not np.array_equal(expected, actual):
            raise RuntimeError(
                f"{target} was not written: after the conversion of {source} "
                "the outputs differ."
            )
        os.replace(part, target)
    return Conversion(info, target)


def _build(info, output_stride):
    """The network that a checkpoint is for, with random weights."""
    # A backbone alone is one of a classifier.
    task = info.task or "classification"
    constructor = constructors(task)[info.variant]
    if task != "classification":
        options = {}
        if task == "segmentation" and output_stride is not None:
            options["output_stride"] = output_stride
        # Those for dense prediction take pictures of any size.
        return constructor(
            weights=None,
            input_shape=(None, None, 3),
            classes=info.classes,
            **options,
        )
    return constructor(
        weights=None,
        include_top=info.classes is not None,
        classes=info.classes,
        classifier_activation=None,
    )
