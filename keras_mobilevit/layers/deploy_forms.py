"""Which layers have a deploy form: the same function in fewer operations."""

from __future__ import annotations

from collections.abc import Callable

import keras

from keras_mobilevit.architectures import architectures
from keras_mobilevit.lazy import resolve

# Type of a layer -> function from a built layer to its deploy form, which has
# the same name; besides those of the architectures.
_DEPLOY_FORMS: dict[type, Callable[[keras.Layer], keras.Layer]] = {}


def register_deploy_form(
    kind: type[keras.Layer], make: Callable[[keras.Layer], keras.Layer]
) -> None:
    """Lets `keras_mobilevit.reparameterize` replace a type of layers.

    Args:
        kind: The layers. A subclass may compute something else, so it is not
            replaced unless it is registered itself.
        make: From a built layer to one that computes the same, with weights of
            its own.

    Example:
        >>> import keras
        >>> import keras_mobilevit
        >>> class Doubled(keras.layers.Layer):
        ...     def call(self, inputs):
        ...         return inputs + inputs
        >>> def make_rescaling(layer):
        ...     return keras.layers.Rescaling(2.0, name=layer.name)
        >>> keras_mobilevit.layers.register_deploy_form(Doubled, make_rescaling)
        >>> model = keras.Sequential([keras.Input((4,)), Doubled()])
        >>> type(keras_mobilevit.reparameterize(model).layers[0]).__name__
        'Rescaling'
    """
    _DEPLOY_FORMS[kind] = make


def deploy_form(layer: keras.Layer) -> keras.Layer | None:
    """Makes the deploy form of a layer, `None` if its type has none."""
    kind = type(layer)
    make = _DEPLOY_FORMS.get(kind) or _of_architecture(kind)
    return make(layer) if make else None


def _of_architecture(kind):
    name = f"{kind.__module__}:{kind.__qualname__}"
    for architecture in architectures():
        if name in architecture.deploy_forms:
            return resolve(architecture.deploy_forms[name])
    return None
