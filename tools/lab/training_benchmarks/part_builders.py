"""Parts of a training step alone: what it spends its time on.

A part is trained like a network: a trainable factor for each channel in front
of it, so that gradients of its input are computed too, and the mean square of
its averaged output as a loss. The part `"elementwise"` is that frame alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Name -> what it is in a MobileViT.
PARTS = {
    "elementwise": "nothing but the frame of the other parts",
    "pointwise": "1x1 convolution that ends an inverted residual of stage 2",
    "depthwise": "3x3 depthwise convolution of the same",
    "batch_norm": "batch normalization behind it",
    "patches": "unfolding into patches of stage 3, and folding again",
    "transformer": "transformer layers of stage 3",
}


class Shapes(NamedTuple):
    """Sizes in which the parts occur.

    Attributes:
        side: Side of the maps of stage 2.
        expanded: Channels of an expansion of stage 2.
        filters: Channels that leave it.
        map_side: Side of the maps of stage 3.
        dim: Width of its tokens.
        depth: Number of its transformer layers.
    """

    side: int
    expanded: int
    filters: int
    map_side: int
    dim: int
    depth: int

    def input_shape(self, part: str) -> tuple[int, ...]:
        """Shape of a part's input for one image, channels last."""
        if part == "patches":
            return (self.map_side, self.map_side, self.dim)
        if part == "transformer":
            # The tokens of the 4 offsets in a patch, one behind the other.
            return (4, self.map_side**2 // 4, self.dim)
        return (self.side, self.side, self.expanded)


def build_keras_part(settings: dict) -> tuple[dict, object]:
    """A part on a backend of Keras.

    Args:
        settings: Those of the worker, with `part` and `shapes`.

    Returns:
        Facts, of which the parameters are those of the part without its frame,
        and a function that trains once and returns the loss.
    """
    import keras

    shapes = Shapes(**settings["shapes"])
    shape = shapes.input_shape(settings["part"])

    class Factor(keras.layers.Layer):
        def build(self, input_shape):
            self.factor = self.add_weight(
                shape=(input_shape[-1],), initializer="ones"
            )

        def call(self, x):
            return x * keras.ops.cast(self.factor, x.dtype)

    inputs = keras.Input(shape)
    x = _keras_part(settings["part"], shapes)(Factor()(inputs))
    outputs = keras.layers.Activation("linear", dtype="float32")(
        keras.ops.mean(x, axis=(1, 2))
    )
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(1e-3), "mse", jit_compile=settings["compiled"]
    )
    x, y = _batch(settings["batch_size"], shape, outputs.shape[-1])
    facts = {
        "parameters": sum(
            int(np.prod(variable.shape))
            for variable in model.trainable_variables
        )
        - shape[-1],
        "versions": {"keras": keras.__version__},
    }
    return facts, lambda: float(model.train_on_batch(x, y))


def _keras_part(part, shapes):
    import keras

    from keras_mobilevit.layers import TransformerLayer
    from keras_mobilevit.layers.batch_normalization import BatchNormalization
    from keras_mobilevit.layers.mobilevit_block import fold, unfold

    layers = keras.layers
    if part == "pointwise":
        return layers.Conv2D(shapes.filters, 1, use_bias=False)
    if part == "depthwise":
        return layers.DepthwiseConv2D(3, padding="same", use_bias=False)
    if part == "batch_norm":
        return BatchNormalization()
    if part == "patches":
        size = (shapes.map_side,) * 2
        return lambda x: fold(unfold(x, 2), size, 2)
    if part == "transformer":
        blocks = [
            TransformerLayer(num_heads=4, mlp_ratio=2)
            for _ in range(shapes.depth)
        ]

        def transform(x):
            tokens = keras.ops.reshape(x, (-1, *x.shape[2:]))
            for block in blocks:
                tokens = block(tokens)
            return keras.ops.reshape(tokens, (-1, *x.shape[1:]))

        return transform
    return lambda x: x


def build_huggingface_part(settings: dict, device: str) -> tuple[dict, object]:
    """The same part in torch, with Hugging Face's code where there is any.

    Args:
        settings: Those of the worker, with `part` and `shapes`.
        device: Of torch.

    Returns:
        As of `build_keras_part`.
    """
    import torch

    part, shapes = settings["part"], Shapes(**settings["shapes"])
    module, apply = _torch_part(settings, shapes)
    module = module.to(device).train()
    if settings["channels_last"] and part != "transformer":
        module = module.to(memory_format=torch.channels_last)
    shape = shapes.input_shape(part)
    factor = torch.ones(shape[-1], device=device, requires_grad=True)
    pixels, _ = _batch(settings["batch_size"], shape, 1)
    x = torch.from_numpy(pixels).to(device)
    if part != "transformer":
        x = x.permute(0, 3, 1, 2)
        if not settings["channels_last"]:
            x = x.contiguous()
    optimizer = torch.optim.SGD([factor, *module.parameters()], 1e-3)

    def loss_of(x):
        channels = factor if part == "transformer" else factor[:, None, None]
        averaged = apply(module, x * channels).float()
        axes = (1, 2) if part == "transformer" else (2, 3)
        return averaged.mean(axes).square().mean()

    if settings["compiled"]:
        loss_of = torch.compile(loss_of)

    def step():
        optimizer.zero_grad()
        with torch.autocast(
            device,
            torch.bfloat16,
            enabled=settings["dtype"] == "bfloat16",
        ):
            loss = loss_of(x)
        loss.backward()
        optimizer.step()
        return loss.item()

    facts = {
        "parameters": sum(p.numel() for p in module.parameters()),
        "versions": {"torch": torch.__version__},
    }
    return facts, step


def _torch_part(settings, shapes):
    import torch
    from transformers import MobileViTConfig, MobileViTForImageClassification

    part, channels = settings["part"], shapes.expanded
    if part == "pointwise":
        layer = torch.nn.Conv2d(channels, shapes.filters, 1, bias=False)
    elif part == "depthwise":
        layer = torch.nn.Conv2d(
            channels, channels, 3, padding=1, groups=channels, bias=False
        )
    elif part == "batch_norm":
        layer = torch.nn.BatchNorm2d(channels)
    elif part == "elementwise":
        layer = torch.nn.Identity()
    else:
        config = MobileViTConfig(**settings["huggingface_config"])
        model = MobileViTForImageClassification(config)
        block = model.mobilevit.encoder.layer[2]
        if part == "patches":
            return torch.nn.Identity(), lambda _, x: block.folding(
                *block.unfolding(x)
            )
        return block.transformer, _transform
    return layer, lambda layer, x: layer(x)


def _transform(layers, x):
    tokens = layers(x.flatten(0, 1))
    return tokens.unflatten(0, (-1, 4))


def _batch(count, shape, outputs):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, *shape), np.float32)
    return x, np.zeros((count, outputs), np.float32)
