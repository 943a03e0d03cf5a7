"""DeepLabv3 on MobileViTv2: the class of each pixel.

Reference:
  - [Separable Self-attention for Mobile Vision Transformers](
    https://arxiv.org/abs/2206.02680) (TMLR 2023), Section 4.3
  - [Rethinking Atrous Convolution for Semantic Image Segmentation](
    https://arxiv.org/abs/1706.05587)
"""

from __future__ import annotations

from keras_mobilevit.configs_v2 import ASPP_FILTERS, VARIANTS
from keras_mobilevit.segmentation.deeplabv3 import build_deeplabv3

BASE_DOCSTRING = """Instantiates the {name} architecture.

Reference:
    - [Separable Self-attention for Mobile Vision Transformers](
        https://arxiv.org/abs/2206.02680) (TMLR 2023)
    - [Rethinking Atrous Convolution for Semantic Image Segmentation](
        https://arxiv.org/abs/1706.05587)

As `MobileViTDeepLabV3S`, with 512 channels in its head. The authors report a
Pascal VOC mIoU of 75.07 % for a width of 0.5, 78.94 % for 1.0, 79.68 % for 1.25
and 80.30 % for 1.5; not measured by this project. They interpolate the logits
with the corner pixels on each other, this package all networks with pixel
centres at the half, up to half a cell beside that. The second classifier that
they trained with, on stage 4, is not part of the model.

Args:
    include_preprocessing: Whether the model scales pixels in [0, 255] to
        [0, 1] itself. Defaults to `True`.
    weights: One of `None` (random initialization), `"pascal_voc"` (the
        authors' file, downloaded; widths 0.5, 1.0, 1.25 and 1.5), or the path
        to the weights file of such a network: `.weights.h5`, `.keras`, or a
        checkpoint published by Apple (`.pt`) or Hugging Face, recognised by
        its contents. Defaults to `None`.
    backbone_weights: Where to start training from, with `weights=None`: the
        backbone's part of `"imagenet"` (downloaded) or of the checkpoint of
        any network. Defaults to `None`.
    input_tensor: Keras tensor that the model takes images from. Defaults to
        a new input.
    input_shape: Shape `(height, width, channels)`. Sides must be at least
        32, or `None` for any size. Defaults to `(512, 512, 3)`.
    classes: Number of classes, the background included. Defaults to 21.
    output_stride: 16, or 8 for a map of twice the resolution. The weights are
        the same for both. Defaults to 16.
    upsample: Whether to interpolate the logits to the size of the image.
        Defaults to `True`.
    name: Name of the model.

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
    >>> model = segmentation.{name}(input_shape=(64, 64, 3))
    >>> model.output_shape
    (None, 64, 64, 21)
"""


def _constructor(variant):
    """The constructor of a variant; they differ in nothing but their names."""
    digits = variant.rpartition("_")[2]

    def construct(
        include_preprocessing=True,
        weights=None,
        backbone_weights=None,
        input_tensor=None,
        input_shape=None,
        classes=21,
        output_stride=16,
        upsample=True,
        name=f"mobilevitv2_deeplabv3_{digits}",
    ):
        return build_deeplabv3(
            variant,
            aspp_filters=ASPP_FILTERS,
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

    construct.__name__ = f"MobileViTV2DeepLabV3_{digits}"
    construct.__qualname__ = construct.__name__
    construct.__doc__ = BASE_DOCSTRING.format(name=construct.__name__)
    return construct


# Name of the backbone's variant -> constructor.
CONSTRUCTORS = {variant: _constructor(variant) for variant in VARIANTS}
(
    MobileViTV2DeepLabV3_050,
    MobileViTV2DeepLabV3_075,
    MobileViTV2DeepLabV3_100,
    MobileViTV2DeepLabV3_125,
    MobileViTV2DeepLabV3_150,
    MobileViTV2DeepLabV3_175,
    MobileViTV2DeepLabV3_200,
) = CONSTRUCTORS.values()
