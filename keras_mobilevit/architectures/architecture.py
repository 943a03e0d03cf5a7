"""What the package knows of an architecture, as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from keras_mobilevit.configs import WeightsConfig


@dataclasses.dataclass(frozen=True)
class Source:
    """A published file with weights.

    Attributes:
        url: Where it is.
        layout: Layout of its keys.
        algorithm: Hash algorithm, `"md5"` or `"sha256"`.
        digest: Hash as hexadecimal digits, or the first of them. Empty if
            none is published.
        task: What the network is for.

    Example:
        >>> from keras_mobilevit.architectures import Source
        >>> Source("https://example.com/a/net_s.safetensors", "timm").filename
        'net_s.safetensors'
    """

    url: str
    layout: str
    algorithm: str = "sha256"
    digest: str = ""
    task: str = "classification"

    @property
    def filename(self) -> str:
        return self.url.rpartition("/")[2]


@dataclasses.dataclass(frozen=True, eq=False)
class Architecture:
    """A family of networks: all that the rest of the package asks about it.

    The entry itself is light. It names code as `"module:name"`, which is
    imported when it is first needed.

    Attributes:
        name: Name of the family, `ModelInfo.architecture`.
        variants: Name of each variant -> its configuration, a frozen
            dataclass that only the code of the architecture looks into.
        constructors: Task -> a dict from the variants to their constructors.
            Those of classifiers take the arguments of `keras.applications`.
        feature_pyramid: Function `(x, config, output_stride)` from an image in
            [0, 1] to a dict of the outputs of the stages, `"P1"`, `"P2"`, ...
        keys: The `keras_mobilevit.checkpoints.key_map.KeyMap`.
        layers: Full name of a module -> classes in it that are registered by
            `keras.saving.register_keras_serializable("keras_mobilevit")`.
        deploy_forms: Layer -> function from such a layer, built, to its
            deploy form of the same name; see
            `keras_mobilevit.layers.register_deploy_form`.
        weights: Task -> name -> weights of that name. The same name means the
            same classes in all architectures; size and preprocessing may
            differ. The first of a task tells what is assumed of weights of
            which nothing is known.
        files: Name of weights -> variant -> where they are published, tried
            in turn; weights without an entry are part of the package.
        embedded: Name of weights that are part of the package -> variant ->
            SHA-256 of the file.
        parts: Parts of the backbone, to be frozen or trained more slowly: the
            first words (`stage1` of `"stage1_ir"`) of the names of the layers
            with weights, from the image on.
        float_layers: Regular expressions for the layers that the recipe
            `int8_accurate` keeps in float, over the names of tensors, which
            begin with those of the layers.
        openings: The two layers whose strides tell the output stride of a
            segmentation network.

    Example:
        >>> from keras_mobilevit.architectures import find_architecture
        >>> architecture = find_architecture("mobilevit")
        >>> list(architecture.variants)
        ['mobilevit_xxs', 'mobilevit_xs', 'mobilevit_s']
        >>> architecture.parts[0]
        ('stem',)
    """

    name: str
    variants: Mapping[str, Any]
    constructors: Mapping[str, str]
    feature_pyramid: str
    keys: str
    layers: Mapping[str, tuple[str, ...]]
    parts: tuple[tuple[str, ...], ...]
    deploy_forms: Mapping[str, str] = dataclasses.field(default_factory=dict)
    weights: Mapping[str, Mapping[str, WeightsConfig]] = dataclasses.field(
        default_factory=dict
    )
    files: Mapping[str, Mapping[str, tuple[Source, ...]]] = dataclasses.field(
        default_factory=dict
    )
    embedded: Mapping[str, Mapping[str, str]] = dataclasses.field(
        default_factory=dict
    )
    float_layers: tuple[str, ...] = ()
    openings: tuple[str, ...] = ()
