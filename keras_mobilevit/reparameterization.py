"""From a trained model to its equivalent for inference."""

from __future__ import annotations

import keras

from keras_mobilevit.layers.deploy_forms import deploy_form


def reparameterize(model: keras.Model) -> keras.Model:
    """Returns the deploy form of a model: the same function, fewer operations.

    Every `MobileViTBlock`, in nested models too, is replaced by its inference
    form: layer normalization becomes RMS normalization, its scale and offset
    and the attention scale fold into the dense layers, tokens keep the order
    that `space_to_depth` gives. Outputs agree to float32 rounding (relative
    1e-5). Layers without a deploy form are copied
    (`keras_mobilevit.layers.register_deploy_form`). The model itself is left
    as it is.

    Args:
        model: Functional or Sequential model, trained or not.

    Returns:
        A new, uncompiled model with the same inputs, outputs and layer names.
        A model in deploy form, or one without such layers, gives an equal
        copy.

    Raises:
        ValueError: If the model is neither Functional nor Sequential.

    Example:
        >>> import keras_mobilevit
        >>> import numpy as np
        >>> model = keras_mobilevit.MobileViTXXS(weights="cifar10")
        >>> deploy_form = keras_mobilevit.reparameterize(model)
        >>> pixels = np.random.default_rng(0).uniform(0, 255, (1, 96, 96, 3))
        >>> np.allclose(deploy_form(pixels), model(pixels), atol=1e-5)
        True
    """
    pairs = []

    def replace(layer):
        folded = deploy_form(layer)
        if folded is not None:
            return folded
        copy = layer.__class__.from_config(layer.get_config())
        # Functions of `keras.ops` have no weights.
        if isinstance(layer, keras.Layer):
            pairs.append((layer, copy))
        return copy

    clone = keras.models.clone_model(
        model,
        input_tensors=_inputs_like(model),
        clone_function=replace,
        recursive=True,
    )
    # Only now is every copy built.
    for layer, copy in pairs:
        copy.set_weights(layer.get_weights())
        if hasattr(copy, "finalize_state"):
            # An adapted `Normalization` computes from more than its weights.
            copy.finalize_state()
    return clone


def _inputs_like(model):
    """Inputs of the same names, which Keras alone would number anew."""
    if isinstance(model, keras.Sequential) or not hasattr(model, "operations"):
        return None
    return keras.tree.map_structure(
        lambda tensor: keras.Input(
            batch_shape=tensor.shape,
            dtype=tensor.dtype,
            name=tensor._keras_history.operation.name,
        ),
        model.input,
    )
