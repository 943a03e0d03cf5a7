"""The feature extractor: image input, stem and five stages as a pyramid."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping

import keras

from keras_mobilevit import checkpoints
from keras_mobilevit.architectures import architecture_of, named_weights
from keras_mobilevit.configs import (
    MIN_SIZE,
    MLP_RATIO,
    NUM_HEADS,
    PATCH_SIZE,
    STEM_FILTERS,
    MobileViTConfig,
    WeightsConfig,
)
from keras_mobilevit.layers import ConvBlock, InvertedResidual, MobileViTBlock
from keras_mobilevit.lazy import resolve

# Output stride -> (strides, dilation rate) of the inverted residuals that open
# stages 4 and 5. In the reference code a stage's dilation applies only behind
# its own opening block, so output stride 16 dilates nothing at all.
_OPENINGS = {
    32: ((2, 1), (2, 1)),
    16: ((2, 1), (1, 1)),
    8: ((1, 1), (1, 2)),
}


def stage_openings(output_stride: int) -> tuple[tuple[int, int], ...]:
    """`(strides, dilation rate)` of what opens each of the stages 3 to 5.

    Raises:
        ValueError: If `output_stride` is not 8, 16 or 32.
    """
    if output_stride not in _OPENINGS:
        raise ValueError(
            "`output_stride` must be 8, 16 or 32. Received: "
            f"output_stride={output_stride}"
        )
    return ((2, 1), *_OPENINGS[output_stride])


def MobileViTBackbone(
    variant: str,
    *,
    output_stride: int = 32,
    include_preprocessing: bool = True,
    weights: str | os.PathLike | None = "imagenet",
    input_tensor=None,
    input_shape: tuple | None = None,
    name: str | None = None,
) -> keras.Model:
    """Instantiates a MobileViT feature pyramid, for dense prediction.

    Reference:
        - [MobileViT](https://arxiv.org/abs/2110.02178) (ICLR 2022)

    The outputs are a dict of the five stages, without the 1x1 expansion and
    the classifier:

    | output | stride | XXS | XS | S   |
    |--------|--------|-----|----|-----|
    | `"P1"` | 2      | 16  | 32 | 32  |
    | `"P2"` | 4      | 24  | 48 | 64  |
    | `"P3"` | 8      | 48  | 64 | 96  |
    | `"P4"` | 16     | 64  | 80 | 128 |
    | `"P5"` | 32     | 80  | 96 | 160 |

    Args:
        variant: `"mobilevit_xxs"`, `"mobilevit_xs"`, `"mobilevit_s"`, or one of
            another registered architecture.
        output_stride: 32, or 16 / 8 to keep the last maps larger; strides in
            the table are cut off there. The weights are the same for all
            three.
        include_preprocessing: Whether the model scales pixels in [0, 255] to
            [0, 1] itself.
        weights: As in `MobileViTXXS`; a classifier or another head in the
            file is ignored.
        input_tensor: As in `MobileViTXXS`.
        input_shape: `(height, width, channels)`, by default
            `(None, None, 3)`.
        name: Name of the model, by default `variant` and `_backbone`.

    Returns:
        A model instance whose output is a dict `"P1"` ... `"P5"`.

    Raises:
        ValueError: If an argument is out of its range, or the weights do not
            fit.

    Example:
        >>> import keras_mobilevit
        >>> model = keras_mobilevit.MobileViTBackbone(
        ...     "mobilevit_xxs", weights="cifar10", input_shape=(64, 64, 3)
        ... )
        >>> model.output["P3"].shape, model.output["P5"].shape
        ((None, 8, 8, 48), (None, 2, 2, 80))
    """
    architecture_of(variant)
    check_weights(weights, variant)
    image = image_input(weights, input_tensor, input_shape, None, stacklevel=3)
    x = rescale(image) if include_preprocessing else image
    outputs = apply_backbone(x, variant, output_stride)
    return finish_model(
        image,
        outputs,
        weights=weights,
        variant=variant,
        input_tensor=input_tensor,
        name=name or f"{variant}_backbone",
    )


def apply_backbone(x, variant: str, output_stride: int = 32):
    """As `feature_pyramid`, for a variant of any registered architecture."""
    architecture = architecture_of(variant)
    pyramid = resolve(architecture.feature_pyramid)
    return pyramid(x, architecture.variants[variant], output_stride)


def feature_pyramid(x, config: MobileViTConfig, output_stride: int = 32):
    """Applies stem and stages 1 to 5 of a MobileViT to an image.

    Args:
        x: Keras tensor `(batch, height, width, channels)`, scaled to [0, 1].
        config: Variant to build.
        output_stride: 32, 16 or 8.

    Returns:
        Dict of Keras tensors `"P1"` ... `"P5"`, the outputs of the stages.

    Raises:
        ValueError: If `output_stride` is not 8, 16 or 32.
    """
    openings = stage_openings(output_stride)
    pyramid = {}
    x = ConvBlock(STEM_FILTERS, kernel_size=3, strides=2, name="stem")(x)

    # === Stages 1 and 2: inverted residuals only ===
    x = InvertedResidual(
        config.filters[0], expansion=config.expansion, name="stage1_ir"
    )(x)
    pyramid["P1"] = x
    for index in range(3):
        x = InvertedResidual(
            config.filters[1],
            expansion=config.expansion,
            strides=2 if index == 0 else 1,
            name=f"stage2_ir{index + 1}",
        )(x)
    pyramid["P2"] = x

    # === Stages 3 to 5: an inverted residual and a MobileViT block ===
    for index, (stage, (strides, dilation_rate)) in enumerate(
        zip(config.stages, openings, strict=True), start=3
    ):
        x = InvertedResidual(
            stage.filters,
            expansion=config.expansion,
            strides=strides,
            dilation_rate=dilation_rate,
            name=f"stage{index}_ir",
        )(x)
        x = MobileViTBlock(
            stage.projection_dim,
            depth=stage.depth,
            num_heads=NUM_HEADS,
            mlp_ratio=MLP_RATIO,
            patch_size=PATCH_SIZE,
            dropout=config.dropout,
            name=f"stage{index}_block",
        )(x)
        pyramid[f"P{index}"] = x
    return pyramid


def rescale(x):
    """Maps pixels in [0, 255] to [0, 1], the range the weights expect."""
    return keras.layers.Rescaling(1 / 255, name="preprocessing")(x)


def check_weights(
    weights,
    variant: str,
    named: Mapping[str, WeightsConfig] | None = None,
    argument: str = "weights",
) -> None:
    """Checks the `weights` argument before anything is built.

    Args:
        weights: What the user gave.
        variant: Name of the variant.
        named: Weights with a name; by default those of classifiers.
        argument: Name of the argument, for the message.

    Raises:
        ValueError: If `weights` is neither `None`, nor the name of weights
            that the variant has, nor the path of a file.
    """
    if named is None:
        named = named_weights("classification")
    names = [name for name, w in named.items() if variant in w.variants]
    if weights is None or weights in names:
        return
    if isinstance(weights, (str, os.PathLike)) and os.path.exists(weights):
        return
    raise ValueError(
        f"The `{argument}` argument should be either `None` (random "
        "initialization), one of "
        f"{names} (for {variant}), or the path to the weights file to be "
        f"loaded. Received: {argument}={weights}"
    )


def check_network_weights(
    weights, backbone_weights, variant: str, named, classes: int
) -> None:
    """Checks the arguments of a network for dense prediction.

    Args:
        weights: Its `weights` argument.
        backbone_weights: Its `backbone_weights` argument.
        variant: Name of the variant.
        named: Named weights that such networks have.
        classes: Its `classes` argument.

    Raises:
        ValueError: If one is out of its range, or they exclude each other.
    """
    check_weights(weights, variant, named)
    check_weights(backbone_weights, variant, argument="backbone_weights")
    if weights is not None and backbone_weights is not None:
        raise ValueError(
            "`backbone_weights` is for a network that is trained anew: pass "
            "`weights=None` with it. Received: "
            f"weights={weights}, backbone_weights={backbone_weights}"
        )
    known = named[weights].info.output_classes if weights in named else classes
    if classes != known:
        raise ValueError(
            f'If using `weights="{weights}"`, `classes` should be '
            f"{known}. Received: classes={classes}"
        )


def image_input(weights, input_tensor, input_shape, default_size, stacklevel):
    """Makes or checks the image that a model starts from.

    Args:
        weights: The checked `weights` argument.
        input_tensor: The user's Keras tensor, or `None`.
        input_shape: The user's shape without batch, or `None`.
        default_size: Side where the user gives no shape, `None` for any.
        stacklevel: Frames from here to the user, for a warning.

    Returns:
        Keras tensor `(batch, height, width, channels)`.

    Raises:
        ValueError: If the data format, the rank, the channels or the size
            are not supported.
    """
    if keras.config.image_data_format() == "channels_first":
        raise ValueError(
            "MobileViT does not support the `channels_first` image data "
            "format. Switch with "
            "`keras.config.set_image_data_format('channels_last')`."
        )
    if input_tensor is not None:
        if not isinstance(input_tensor, keras.KerasTensor):
            raise ValueError(
                "`input_tensor` must be a Keras tensor, such as the output "
                f"of `keras.Input()`. Received: {type(input_tensor)}"
            )
        tensor_shape = tuple(input_tensor.shape[1:])
        if input_shape is not None and tuple(input_shape) != tensor_shape:
            raise ValueError(
                "`input_shape` and `input_tensor` disagree. Received: "
                f"input_shape={input_shape}, input_tensor of shape "
                f"{input_tensor.shape}"
            )
        input_shape = tensor_shape
    elif input_shape is None:
        input_shape = (default_size, default_size, 3)

    if len(input_shape) != 3:
        raise ValueError(
            "`input_shape` must be a tuple of three integers. Received: "
            f"input_shape={input_shape}"
        )
    height, width, channels = input_shape
    if weights in named_weights() and channels != 3:
        raise ValueError(
            f"The input must have 3 channels with `weights={weights!r}`. "
            f"Received: input_shape={input_shape}"
        )
    if channels not in (1, 3):
        warnings.warn(
            "This model usually expects 1 or 3 input channels. However, it "
            f"was passed an input_shape with {channels} input channels.",
            stacklevel=stacklevel,
        )
    if any(side is not None and side < MIN_SIZE for side in (height, width)):
        raise ValueError(
            f"Input size must be at least {MIN_SIZE}x{MIN_SIZE}. Received: "
            f"input_shape={input_shape}"
        )
    if input_tensor is not None:
        return input_tensor
    return keras.Input(shape=input_shape)


def finish_model(image, outputs, *, weights, variant, input_tensor, name):
    """Wraps a graph into a model and loads its weights."""
    # Only our own layers: what lies before `input_tensor` has its own weights.
    model = keras.Model(image, outputs, name=name)
    load_weights(model, weights, variant)
    if input_tensor is None:
        return model
    inputs = keras.utils.get_source_inputs(input_tensor)
    inputs = inputs[0] if len(inputs) == 1 else inputs
    return keras.Model(inputs, outputs, name=name)


def load_weights(model: keras.Model, weights, variant: str) -> None:
    """Loads what a checked `weights` argument says into a model."""
    if weights in named_weights():
        checkpoints.load_weights(model, checkpoints.fetch(weights, variant))
    elif weights is not None:
        checkpoints.load_weights(model, weights)
