"""The registered architectures, and what is asked about all of them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

from keras_mobilevit.architectures.architecture import Architecture
from keras_mobilevit.configs import WeightsConfig
from keras_mobilevit.lazy import resolve
from keras_mobilevit.stand_ins import register_stand_ins

_ARCHITECTURES: dict[str, Architecture] = {}


def register_architecture(architecture: Architecture) -> None:
    """Makes the variants of an architecture known to the whole package.

    Args:
        architecture: Its entry.

    Raises:
        ValueError: If another one has the name, or a variant of that name.

    Example:
        >>> from keras_mobilevit import architectures
        >>> net = architectures.Architecture(
        ...     name="net",
        ...     variants={"mobilevit_s": None},
        ...     constructors={"classification": "net.network:CONSTRUCTORS"},
        ...     feature_pyramid="net.network:feature_pyramid",
        ...     keys="net.keys:KEYS",
        ...     layers={},
        ...     parts=(("stem",),),
        ... )
        >>> architectures.register_architecture(net)
        Traceback (most recent call last):
        ValueError: Names of architectures and variants must be new. ...
    """
    names = {architecture.name: "an architecture"}
    names |= dict.fromkeys(architecture.variants, "a variant")
    taken = {*_ARCHITECTURES, *variants()}
    for name, what in names.items():
        if name in taken:
            raise ValueError(
                f"Names of architectures and variants must be new. Received: "
                f"{what} named {name!r}, which is registered already."
            )
    _ARCHITECTURES[architecture.name] = architecture
    # Otherwise it is done when Keras is imported. Tests block it by `None`.
    if sys.modules.get("keras") is not None:
        register_stand_ins(architecture.layers)


def architectures() -> tuple[Architecture, ...]:
    """All of them, in the order in which they were registered.

    Example:
        >>> from keras_mobilevit import architectures
        >>> architectures.architectures()[0].name
        'mobilevit'
    """
    return tuple(_ARCHITECTURES.values())


def find_architecture(name: str) -> Architecture:
    """The architecture of a name.

    Raises:
        ValueError: If there is none.

    Example:
        >>> from keras_mobilevit import architectures
        >>> architectures.find_architecture("mobilevit").feature_pyramid
        'keras_mobilevit.backbone:feature_pyramid'
    """
    if name not in _ARCHITECTURES:
        raise ValueError(
            f"`architecture` must be one of {list(_ARCHITECTURES)}. Received: "
            f"architecture={name!r}"
        )
    return _ARCHITECTURES[name]


def architecture_of(variant: str) -> Architecture:
    """The architecture that has a variant.

    Raises:
        ValueError: If none has.

    Example:
        >>> from keras_mobilevit import architectures
        >>> architectures.architecture_of("mobilevit_xs").name
        'mobilevit'
    """
    for architecture in architectures():
        if variant in architecture.variants:
            return architecture
    raise ValueError(
        f"`variant` must be one of {sorted(variants())}. Received: "
        f"variant={variant}"
    )


def variants() -> dict[str, Any]:
    """Name of each variant of all architectures -> its configuration.

    Example:
        >>> from keras_mobilevit import architectures
        >>> architectures.variants()["mobilevit_xxs"].head_filters
        320
    """
    return {
        name: config
        for architecture in architectures()
        for name, config in architecture.variants.items()
    }


def constructors(task: str) -> dict[str, Callable[..., Any]]:
    """Variant -> constructor of its network for a task; imports Keras.

    Example:
        >>> from keras_mobilevit import architectures
        >>> architectures.constructors("detection")["mobilevit_s"].__name__
        'MobileViTSSDLiteS'
    """
    found = {}
    for architecture in architectures():
        if task in architecture.constructors:
            found |= resolve(architecture.constructors[task])
    return found


def named_weights(
    task: str | None = None, variant: str | None = None
) -> dict[str, WeightsConfig]:
    """Name -> weights of that name.

    Args:
        task: Only those of networks for this task.
        variant: Only those of this variant, as its architecture describes
            them.

    Returns:
        What is known of each. Where several architectures have such weights,
        their variants are listed together, and the first one describes them.

    Example:
        >>> from keras_mobilevit import architectures
        >>> list(architectures.named_weights(variant="mobilevit_xxs"))
        ['imagenet', 'cifar10', 'pascal_voc', 'coco']
    """
    found: dict[str, WeightsConfig] = {}
    for architecture in architectures():
        for of_task, weights in architecture.weights.items():
            if task not in (None, of_task):
                continue
            for name, config in weights.items():
                if variant not in (None, *config.variants):
                    continue
                if name in found:
                    config = dataclasses.replace(
                        found[name],
                        variants=found[name].variants + config.variants,
                    )
                found[name] = config
    return found


def embedded_weights() -> dict[str, tuple[str, str]]:
    """SHA-256 of each weights file of the package -> its name and variant.

    Example:
        >>> from keras_mobilevit import architectures
        >>> list(architectures.embedded_weights().values())
        [('cifar10', 'mobilevit_xxs')]
    """
    return {
        digest: (name, variant)
        for architecture in architectures()
        for name, digests in architecture.embedded.items()
        for variant, digest in digests.items()
    }
