"""Layers made of other layers, and what of them is frozen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras


class CompositeLayer(keras.layers.Layer):
    """Base of layers that build sublayers: freezing survives copies and files.

    Keras passes `trainable` on to the sublayers that exist when it is set. A
    copy of a frozen layer, from its config, only builds them afterwards, and
    they would train again. A sublayer that is frozen alone, such as the batch
    normalization of a convolution block, is not known to the config at all.

    Subclasses end their `build` with `super().build(input_shape)`.

    Args:
        frozen: Sublayers that are frozen while the layer itself is not, as
            paths of names below it, such as `"project_out/norm"`. Paths that
            the layer does not have are ignored, because a deploy form has
            fewer.
        **kwargs: Base layer keyword arguments (`name`, `dtype`, ...).
    """

    def __init__(self, *, frozen: Sequence[str] = (), **kwargs):
        super().__init__(**kwargs)
        self._frozen = tuple(frozen)

    def build(self, input_shape):
        for path, layer in _sublayers(self):
            if not self.trainable or path in self._frozen:
                layer.trainable = False

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        frozen = self._frozen_now() if self.built else list(self._frozen)
        # Without it, the config is the one that older releases read.
        return {**config, "frozen": frozen} if frozen else config

    def _frozen_now(self):
        if not self.trainable:
            return []
        frozen = {
            path: layer
            for path, layer in _sublayers(self)
            if layer.weights and not layer.trainable
        }
        # A frozen layer stands for everything below it.
        return [
            path
            for path in frozen
            if not any(path.startswith(f"{other}/") for other in frozen)
        ]


def _sublayers(
    layer: keras.Layer, parent: str = ""
) -> Iterator[tuple[str, keras.Layer]]:
    """Yields all layers below one, each with the path of its names."""
    for child in layer._layers:
        path = f"{parent}{child.name}"
        yield path, child
        yield from _sublayers(child, f"{path}/")
