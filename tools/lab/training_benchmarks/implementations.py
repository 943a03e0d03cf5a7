"""Which training steps are compared, as data."""

from __future__ import annotations

import dataclasses
from typing import Any

from keras_mobilevit.configs import STEM_FILTERS, VARIANTS


@dataclasses.dataclass(frozen=True)
class Implementation:
    """One implementation of MobileViT in training.

    Attributes:
        name: Name on the command line and in the tables.
        library: `"keras"`, which is ours, or `"huggingface"`.
        backend: What computes: `"tensorflow"`, `"jax"` or `"torch"`.
        jit_compile: Whether Keras has XLA compile the step, or `"auto"`.
        channels_last: Whether torch keeps images and kernels channels-last
            in memory. Keras always has it so.
    """

    name: str
    library: str
    backend: str
    jit_compile: bool | str = "auto"
    channels_last: bool = False


IMPLEMENTATIONS = {
    implementation.name: implementation
    for implementation in (
        Implementation("tensorflow", "keras", "tensorflow", jit_compile=False),
        Implementation(
            "tensorflow-jit", "keras", "tensorflow", jit_compile=True
        ),
        Implementation("jax", "keras", "jax", jit_compile=True),
        Implementation("torch", "keras", "torch", jit_compile=False),
        Implementation("huggingface", "huggingface", "torch"),
        Implementation(
            "huggingface-channels-last",
            "huggingface",
            "torch",
            channels_last=True,
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
