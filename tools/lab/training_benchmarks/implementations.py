"""Which training steps are compared, as data."""

from __future__ import annotations

import dataclasses
from typing import Any

from keras_mobilevit.configs import STEM_FILTERS, VARIANTS
from training_benchmarks.part_builders import Shapes


@dataclasses.dataclass(frozen=True)
class Implementation:
    """One implementation of MobileViT in training.

    Attributes:
        name: Name on the command line and in the tables.
        library: `"keras"`, which is ours, or `"huggingface"`.
        backend: What computes: `"tensorflow"`, `"jax"` or `"torch"`.
        compiled: Whether XLA, or `torch.compile` on torch, compiles the step.
            JAX has no other way.
        channels_last: Whether torch keeps images and kernels channels-last
            in memory. Keras always has it so.
    """

    name: str
    library: str
    backend: str
    compiled: bool = False
    channels_last: bool = False


IMPLEMENTATIONS = {
    implementation.name: implementation
    for implementation in (
        Implementation("tensorflow", "keras", "tensorflow"),
        Implementation("tensorflow-xla", "keras", "tensorflow", compiled=True),
        Implementation("jax", "keras", "jax", compiled=True),
        Implementation("torch", "keras", "torch"),
        Implementation("torch-compiled", "keras", "torch", compiled=True),
        Implementation("huggingface", "huggingface", "torch"),
        Implementation(
            "huggingface-channels-last",
            "huggingface",
            "torch",
            channels_last=True,
        ),
        Implementation(
            "huggingface-compiled", "huggingface", "torch", compiled=True
        ),
    )
}


def huggingface_config(variant: str, size: int) -> dict[str, Any]:
    """Arguments of `transformers.MobileViTConfig` for one of our variants.

    Args:
        variant: Name such as `"mobilevit_xxs"`.
        size: Side of the images, in pixels.

    Returns:
        What decides the shape of the model and its dropout.
    """
    config = VARIANTS[variant]
    return {
        "image_size": size,
        "num_labels": 1000,
        "hidden_sizes": [stage.projection_dim for stage in config.stages],
        "neck_hidden_sizes": [
            STEM_FILTERS,
            *config.filters,
            *(stage.filters for stage in config.stages),
            config.head_filters,
        ],
        "expand_ratio": float(config.expansion),
        "hidden_dropout_prob": config.dropout,
    }


def part_shapes(variant: str, size: int) -> Shapes:
    """Sizes of the parts of one of our variants.

    Args:
        variant: Name such as `"mobilevit_xxs"`.
        size: Side of the images, in pixels.
    """
    config = VARIANTS[variant]
    filters = config.filters[1]
    return Shapes(
        side=size // 4,
        expanded=config.expansion * filters,
        filters=filters,
        map_side=size // 8,
        dim=config.stages[0].projection_dim,
        depth=config.stages[0].depth,
    )
