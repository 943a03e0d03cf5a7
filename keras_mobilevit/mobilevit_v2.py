"""MobileViTv2 models for Keras.

Reference:
  - [Separable Self-attention for Mobile Vision Transformers](
    https://arxiv.org/abs/2206.02680) (TMLR 2023)
"""

from __future__ import annotations

import os

import keras

from keras_mobilevit.backbone import MobileViTBackbone, stage_openings
from keras_mobilevit.classifiers import build_classifier
from keras_mobilevit.configs_v2 import (
    EXPANSION,
    MLP_RATIO,
    PATCH_SIZE,
    VARIANTS,
    MobileViTV2Config,
)
from keras_mobilevit.layers import ConvBlock, InvertedResidual, MobileViTV2Block

BASE_DOCSTRING = """Instantiates the {name} architecture.

Reference:
    - [Separable Self-attention for Mobile Vision Transformers](
        https://arxiv.org/abs/2206.02680) (TMLR 2023)

| Model           | Parameters | MACs at 256 | ImageNet top-1, 256 / 384 |
|-----------------|------------|-------------|---------------------------|
| MobileViTV2_050 | 1,370,593  | 0.46 G      | 70.18 % / 72.14 %         |
| MobileViTV2_075 | 2,866,009  | 1.03 G      | 75.56 % / 76.98 %         |
| MobileViTV2_100 | 4,901,841  | 1.81 G      | 78.09 % / 79.68 %         |
| MobileViTV2_125 | 7,478,089  | 2.82 G      | 79.65 % / 80.94 %         |
| MobileViTV2_150 | 10,594,753 | 4.04 G      | 80.38 % / 81.50 %         |
| MobileViTV2_175 | 14,251,833 | 5.49 G      | 80.84 % / 82.04 %         |
| MobileViTV2_200 | 18,449,329 | 7.16 G      | 81.17 % / 82.17 %         |

Parameters are the trainable ones with 1000 classes; MACs are
multiply-accumulates of convolutions and dense layers. The accuracies are those
that the authors report for the weights they published, trained on ImageNet-1k,
at 256x256 and fine-tuned at 384x384, with bicubic resizing. They were not
measured by this project, whose own preprocessing is bilinear.

The model takes RGB pixels in [0, 255] and scales them itself, in a `Rescaling`
layer. With `include_preprocessing=False` there is no such layer, and the pixels
have to be in [0, 1]. `keras_mobilevit.mobilevit.decode_predictions` names the
classes of its output.

Args:
    include_top: Whether the model ends in a classifier; otherwise in the map
        of the last stage. Defaults to `True`.
    include_preprocessing: Whether the model scales the pixels. Defaults to
        `True`.
    weights: One of `None` (random initialization), `"imagenet"` (trained on
        ImageNet-1k at 256x256, downloaded), `"imagenet_384"` (fine-tuned at
        384x384), for 150, 175 and 200 also `"imagenet21k_1k"` and
        `"imagenet21k_1k_384"` (trained on ImageNet-21k, fine-tuned on
        ImageNet-1k), or the path to the weights file to be loaded:
        `.weights.h5`, `.keras`, or a checkpoint published by Apple (`.pt`),
        timm, Hugging Face (or the folder of a model) or
        keras_cv_attention_models, recognised by its contents. Defaults to
        `"imagenet"`.
    input_tensor: Keras tensor, such as `keras.Input()` returns, that the model
        takes images from. Defaults to a new input.
    input_shape: Shape `(height, width, channels)` of the input. Sides must
        be at least 32, or `None` for any size. Defaults to the size of the
        weights (256 or 384) with `include_top`, else to `(None, None, 3)`.
    pooling: What follows the last stage without `include_top`: `None` for
        nothing, so that the output is a feature map of 4 axes; `"avg"` or
        `"max"` for the mean or maximum over all positions, `(batch,
        channels)`. Defaults to `None`.
    classes: Number of classes of the classifier; without effect if
        `include_top` is `False`. Defaults to 1000.
    classifier_activation: Activation of the classifier, a name or a callable;
        `None` returns logits. Only `None` and `"softmax"` can be used with
        weights other than `None`. Without effect if `include_top` is `False`.
        Defaults to `"softmax"`.
    name: Name of the model.

Returns:
    A model instance.

Raises:
    ValueError: If an argument is out of its range, or the weights do not fit
        the model.
    OSError: If named weights can not be downloaded; the message says which
        file to fetch and where to put it.

Example:
    >>> import keras_mobilevit
    >>> model = keras_mobilevit.{name}(weights=None, classes=5)
    >>> model.input_shape, model.output_shape
    ((None, 256, 256, 3), (None, 5))
"""

# Output stride -> dilation rates of the blocks of stages 3 to 5. Unlike those
# of version 1, they get the dilation of their stage.
_BLOCK_DILATIONS = {32: (1, 1, 1), 16: (1, 1, 2), 8: (1, 2, 4)}


def feature_pyramid(x, config: MobileViTV2Config, output_stride: int = 32):
    """Applies stem and stages 1 to 5 of a MobileViTv2 to an image.

    Args:
        x: Keras tensor `(batch, height, width, channels)`, scaled to [0, 1].
        config: Variant to build.
        output_stride: 32, 16 or 8.

    Returns:
        Dict of Keras tensors `"P1"` ... `"P5"`, the outputs of the stages.

    Raises:
        ValueError: If `output_stride` is not 8, 16 or 32.

    Example:
        >>> import keras
        >>> from keras_mobilevit import configs_v2, mobilevit_v2
        >>> config = configs_v2.VARIANTS["mobilevitv2_050"]
        >>> image = keras.Input((64, 64, 3))
        >>> pyramid = mobilevit_v2.feature_pyramid(image, config, 16)
        >>> pyramid["P5"].shape
        (None, 4, 4, 256)
    """
    openings = stage_openings(output_stride)
    pyramid = {}
    x = ConvBlock(config.stem_filters, kernel_size=3, strides=2, name="stem")(x)

    # === Stages 1 and 2: inverted residuals only ===
    x = InvertedResidual(
        config.filters[0], expansion=EXPANSION, name="stage1_ir"
    )(x)
    pyramid["P1"] = x
    for index in range(2):
        x = InvertedResidual(
            config.filters[1],
            expansion=EXPANSION,
            strides=2 if index == 0 else 1,
            name=f"stage2_ir{index + 1}",
        )(x)
    pyramid["P2"] = x

    # === Stages 3 to 5: an inverted residual and a MobileViTv2 block ===
    for index, (stage, (strides, dilation), block_dilation) in enumerate(
        zip(
            config.stages,
            openings,
            _BLOCK_DILATIONS[output_stride],
            strict=True,
        ),
        start=3,
    ):
        x = InvertedResidual(
            stage.filters,
            expansion=EXPANSION,
            strides=strides,
            dilation_rate=dilation,
            name=f"stage{index}_ir",
        )(x)
        x = MobileViTV2Block(
            stage.projection_dim,
            depth=stage.depth,
            mlp_ratio=MLP_RATIO,
            patch_size=PATCH_SIZE,
            dilation_rate=block_dilation,
            name=f"stage{index}_block",
        )(x)
        pyramid[f"P{index}"] = x
    return pyramid


def MobileViTV2Backbone(
    variant: str = "mobilevitv2_100",
    *,
    output_stride: int = 32,
    include_preprocessing: bool = True,
    weights: str | os.PathLike | None = "imagenet",
    input_tensor=None,
    input_shape: tuple | None = None,
    name: str | None = None,
) -> keras.Model:
    """Instantiates a MobileViTv2 feature pyramid, for dense prediction.

    Reference:
        - [Separable Self-attention for Mobile Vision Transformers](
            https://arxiv.org/abs/2206.02680) (TMLR 2023)

    The outputs are a dict of the five stages: `"P1"` of stride 2 with 64
    channels times the width of the variant, `"P2"` of stride 4 with 128,
    `"P3"` of stride 8 with 256, `"P4"` of stride 16 with 384, `"P5"` of
    stride 32 with 512. The blocks of `"P3"` to `"P5"` round sides up to even
    numbers.

    Args:
        variant: `"mobilevitv2_050"`, `..._075`, `_100`, `_125`, `_150`,
            `_175` or `_200`.
        output_stride: As in `keras_mobilevit.MobileViTBackbone`, like all
            arguments below.
        include_preprocessing: Whether the model scales pixels itself.
        weights: As in `MobileViTV2_100`; a classifier or another head in the
            file is ignored.
        input_tensor: As in `MobileViTV2_100`.
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
        >>> model = keras_mobilevit.MobileViTV2Backbone(
        ...     "mobilevitv2_050", weights=None, input_shape=(64, 64, 3)
        ... )
        >>> model.output["P3"].shape, model.output["P5"].shape
        ((None, 8, 8, 128), (None, 2, 2, 256))
    """
    if variant not in VARIANTS:
        raise ValueError(
            f"`variant` must be one of {list(VARIANTS)}. Received: "
            f"variant={variant!r}"
        )
    return MobileViTBackbone(
        variant,
        output_stride=output_stride,
        include_preprocessing=include_preprocessing,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        name=name,
    )


def _constructor(variant):
    """The constructor of a variant; they differ in nothing but their names."""

    def construct(
        include_top=True,
        include_preprocessing=True,
        weights="imagenet",
        input_tensor=None,
        input_shape=None,
        pooling=None,
        classes=1000,
        classifier_activation="softmax",
        name=variant,
    ):
        return build_classifier(
            variant,
            lambda x: feature_pyramid(x, VARIANTS[variant])["P5"],
            dropout=0.0,
            include_top=include_top,
            include_preprocessing=include_preprocessing,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )

    construct.__name__ = variant.replace("mobilevitv2", "MobileViTV2")
    construct.__qualname__ = construct.__name__
    construct.__doc__ = BASE_DOCSTRING.format(name=construct.__name__)
    return construct


MobileViTV2_050 = _constructor("mobilevitv2_050")
MobileViTV2_075 = _constructor("mobilevitv2_075")
MobileViTV2_100 = _constructor("mobilevitv2_100")
MobileViTV2_125 = _constructor("mobilevitv2_125")
MobileViTV2_150 = _constructor("mobilevitv2_150")
MobileViTV2_175 = _constructor("mobilevitv2_175")
MobileViTV2_200 = _constructor("mobilevitv2_200")

# Variant name -> constructor, for callers that hold the name as data.
CONSTRUCTORS = {
    "mobilevitv2_050": MobileViTV2_050,
    "mobilevitv2_075": MobileViTV2_075,
    "mobilevitv2_100": MobileViTV2_100,
    "mobilevitv2_125": MobileViTV2_125,
    "mobilevitv2_150": MobileViTV2_150,
    "mobilevitv2_175": MobileViTV2_175,
    "mobilevitv2_200": MobileViTV2_200,
}
