"""DeepLabv3 on MobileViT: the class of each pixel.

Reference:
  - [MobileViT](https://arxiv.org/abs/2110.02178) (ICLR 2022), Section 4.2.2
  - [Rethinking Atrous Convolution for Semantic Image Segmentation](
    https://arxiv.org/abs/1706.05587)
"""

from __future__ import annotations

import keras

from keras_mobilevit.architectures import named_weights
from keras_mobilevit.backbone import (
    apply_backbone,
    check_network_weights,
    finish_model,
    image_input,
    load_weights,
    rescale,
)
from keras_mobilevit.configs import (
    ASPP_FILTERS,
    ASPP_RATES,
    SEGMENTATION_DROPOUT,
    SEGMENTATION_WEIGHTS,
)
from keras_mobilevit.layers import ASPP, ResizeLike

BASE_DOCSTRING = """Instantiates the {name} architecture.

Reference:
    - [MobileViT: Light-weight, General-purpose, and Mobile-friendly Vision
        Transformer](https://arxiv.org/abs/2110.02178) (ICLR 2022)
    - [Rethinking Atrous Convolution for Semantic Image Segmentation](
        https://arxiv.org/abs/1706.05587)

| Model                 | Parameters | MACs at 512 | Pascal VOC mIoU |
|-----------------------|------------|-------------|-----------------|
| MobileViTDeepLabV3XXS | 1,854,853  | 3.95 G      | 72.8 %          |
| MobileViTDeepLabV3XS  | 2,944,069  | 7.38 G      | 77.1 %          |
| MobileViTDeepLabV3S   | 6,357,941  | 13.69 G     | 79.3 %          |

Parameters are the trainable ones with 21 classes; MACs are
multiply-accumulates with the attention matmuls. The mIoU (VOC 2012 val,
pictures resized to 512x512) is what the authors report for their published
weights; the paper has 73.6 % for XXS, 77.1 % for XS and 79.1 % for S. It was
not measured by this project.

The model expects float tensors of RGB pixels in [0, 255], and returns logits.
`preprocess` makes its input from pictures, `decode_predictions` makes masks
of its output.

Args:
    include_preprocessing: Whether the model scales pixels in [0, 255] to
        [0, 1] itself. Defaults to `True`.
    weights: One of `None` (random initialization), `"pascal_voc"` (Apple's
        file, downloaded), or the path to the weights file of such a network:
        `.weights.h5`, `.keras`, or a checkpoint published by Apple (`.pt`)
        or Hugging Face, recognised by its contents. Defaults to
        `"pascal_voc"`.
    backbone_weights: Where to start training from, with `weights=None`: the
        backbone's part of `"imagenet"` (downloaded), of `"cifar10"`
        (XXS only, part of the package), or of the checkpoint of any network,
        in every format that the classifiers take. Defaults to `None`.
    input_tensor: Optional Keras tensor (i.e. output of `keras.Input()`) to
        use as image input for the model.
    input_shape: Optional shape tuple `(height, width, channels)`. Sides must
        be at least 32, or `None` for any size. Defaults to `(512, 512, 3)`.
    classes: Number of classes, the background included. Defaults to 21.
    output_stride: 16, or 8 for a map of twice the resolution, at several
        times the cost. The weights are the same for both. Defaults to 16.
    upsample: Whether to interpolate the logits to the size of the image.
        Defaults to `True`. Without it their map has the sides of the image
        over `output_stride`, rounded up.
    name: The name of the model (string).

Returns:
    A model instance, from `(batch, height, width, channels)` to logits
    `(batch, height, width, classes)`.

Raises:
    ValueError: If an argument is out of its range, or the weights do not fit
        the model.
    OSError: If weights can not be downloaded; the message says which file to
        fetch and where to put it.

Example:
    >>> from keras_mobilevit import segmentation
    >>> model = segmentation.{name}(
    ...     weights=None, input_shape=(64, 64, 3)
    ... )
    >>> model.output_shape
    (None, 64, 64, 21)
"""


def build_deeplabv3(
    variant,
    *,
    include_preprocessing,
    weights,
    backbone_weights,
    input_tensor,
    input_shape,
    classes,
    output_stride,
    upsample,
    name,
    aspp_filters=ASPP_FILTERS,
):
    """Builds a segmentation network; see `BASE_DOCSTRING`."""
    # === Arguments ===
    named = named_weights("segmentation", variant) or SEGMENTATION_WEIGHTS
    check_network_weights(weights, backbone_weights, variant, named, classes)
    known = named.get(weights, next(iter(named.values()))).info
    if output_stride not in (8, 16):
        raise ValueError(
            "`output_stride` must be 8 or 16. Received: "
            f"output_stride={output_stride}"
        )
    if input_shape is None and input_tensor is None:
        input_shape = (*known.image.size, 3)
    image = image_input(
        weights or backbone_weights,
        input_tensor,
        input_shape,
        None,
        stacklevel=4,
    )

    # === Functional model ===
    x = rescale(image) if include_preprocessing else image
    x = apply_backbone(x, variant, output_stride)["P5"]
    load_weights(keras.Model(image, x), backbone_weights, variant)
    x = ASPP(
        aspp_filters,
        rates=ASPP_RATES,
        dropout=SEGMENTATION_DROPOUT,
        activation="relu",
        name="aspp",
    )(x)
    x = keras.layers.SpatialDropout2D(
        SEGMENTATION_DROPOUT, data_format="channels_last", name="top_dropout"
    )(x)
    x = keras.layers.Conv2D(
        classes,
        1,
        data_format="channels_last",
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="untruncated_normal"
        ),
        name="pixel_predictions",
    )(x)
    if upsample:
        x = ResizeLike(name="upsampled")([x, image])
    return finish_model(
        image,
        x,
        weights=weights,
        variant=variant,
        input_tensor=input_tensor,
        name=name,
    )


def MobileViTDeepLabV3S(
    include_preprocessing=True,
    weights="pascal_voc",
    backbone_weights=None,
    input_tensor=None,
    input_shape=None,
    classes=21,
    output_stride=16,
    upsample=True,
    name="mobilevit_deeplabv3_s",
):
    return build_deeplabv3(
        "mobilevit_s",
        include_preprocessing=include_preprocessing,
        weights=weights,
        backbone_weights=backbone_weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        classes=classes,
        output_stride=output_stride,
        upsample=upsample,
        name=name,
    )


def MobileViTDeepLabV3XS(
    include_preprocessing=True,
    weights="pascal_voc",
    backbone_weights=None,
    input_tensor=None,
    input_shape=None,
    classes=21,
    output_stride=16,
    upsample=True,
    name="mobilevit_deeplabv3_xs",
):
    return build_deeplabv3(
        "mobilevit_xs",
        include_preprocessing=include_preprocessing,
        weights=weights,
        backbone_weights=backbone_weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        classes=classes,
        output_stride=output_stride,
        upsample=upsample,
        name=name,
    )


def MobileViTDeepLabV3XXS(
    include_preprocessing=True,
    weights="pascal_voc",
    backbone_weights=None,
    input_tensor=None,
    input_shape=None,
    classes=21,
    output_stride=16,
    upsample=True,
    name="mobilevit_deeplabv3_xxs",
):
    return build_deeplabv3(
        "mobilevit_xxs",
        include_preprocessing=include_preprocessing,
        weights=weights,
        backbone_weights=backbone_weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        classes=classes,
        output_stride=output_stride,
        upsample=upsample,
        name=name,
    )


for _constructor in (
    MobileViTDeepLabV3S,
    MobileViTDeepLabV3XS,
    MobileViTDeepLabV3XXS,
):
    _constructor.__doc__ = BASE_DOCSTRING.format(name=_constructor.__name__)

# Name of the backbone's variant -> constructor.
CONSTRUCTORS = {
    "mobilevit_s": MobileViTDeepLabV3S,
    "mobilevit_xs": MobileViTDeepLabV3XS,
    "mobilevit_xxs": MobileViTDeepLabV3XXS,
}
