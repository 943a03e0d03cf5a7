"""MobileViT-SSDLite models for Keras.

Reference:
  - [MobileViT: Light-weight, General-purpose, and Mobile-friendly Vision
    Transformer](https://arxiv.org/abs/2110.02178) (ICLR 2022)
  - [SSD: Single Shot MultiBox Detector](https://arxiv.org/abs/1512.02325)
    (ECCV 2016)
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
from keras_mobilevit.configs import DETECTION_WEIGHTS, SSD_LEVELS
from keras_mobilevit.detection.layers import SSDConvBlock

BASE_DOCSTRING = """Instantiates the {name} architecture, an object detector.

References:
    - [MobileViT: Light-weight, General-purpose, and Mobile-friendly Vision
        Transformer](https://arxiv.org/abs/2110.02178) (ICLR 2022)
    - [SSD: Single Shot MultiBox Detector](https://arxiv.org/abs/1512.02325)
        (ECCV 2016)

| Model                | Parameters | MACs at 320 | COCO mAP |
|----------------------|------------|-------------|----------|
| MobileViTSSDLiteXXS  | 1,755,050  | 0.84 G      | 19.9 %   |
| MobileViTSSDLiteXS   | 2,742,042  | 1.85 G      | 24.8 %   |
| MobileViTSSDLiteS    | 5,738,826  | 3.43 G      | 27.9 %   |

Parameters are the trainable ones with 81 classes; MACs are
multiply-accumulates with the attention matmuls. The mAP (val2017, IoU
0.50:0.95) is what the authors report for the weights they published; the
paper has 24.8 % for XS and 27.7 % for S. It was not measured by this project.

For each anchor the model predicts four offsets and a logit for each class,
the background first. `keras_mobilevit.detection.decode_predictions` turns
that into named boxes in pixels, `MultiBoxLoss` trains it on what
`make_targets` makes of boxes.

Note: the model expects float tensors of RGB pixels in [0, 255], and scales
them itself unless `include_preprocessing` is `False`; then it expects [0, 1].

Args:
    include_preprocessing: Whether to include the scaling of pixels at the
        bottom of the network. Defaults to `True`.
    weights: One of `None` (random initialization), `"coco"` (Apple's file,
        downloaded), or the path to the weights file of such a network:
        `.weights.h5`, `.keras`, or a checkpoint published by Apple (`.pt`),
        recognised by its contents. Defaults to `"coco"`.
    backbone_weights: Where to start training from, with `weights=None`: the
        backbone's part of `"imagenet"` (downloaded), of `"cifar10"`
        (XXS only, part of the package), or of the checkpoint of any network,
        in every format that the classifiers take. Defaults to `None`.
    input_tensor: Optional Keras tensor (i.e. output of `keras.Input()`) to
        use as image input for the model.
    input_shape: Optional shape tuple `(height, width, channels)`. Sides must
        be at least 32, or `None` for any size. Defaults to `(320, 320, 3)`.
    classes: Number of classes, the background among them, which is class 0.
        Defaults to 81, for the 80 of COCO.
    name: The name of the model (string).

Returns:
    A model instance. Its output is `(batch, anchors, 4 + classes)`, with
    3,232 anchors at 320x320, in the order of `make_anchors`.

Raises:
    ValueError: If an argument is out of its range, or the weights do not fit
        the model.
    OSError: If weights can not be downloaded; the message says which file to
        fetch and where to put it.

Example:
    >>> from keras_mobilevit import detection
    >>> model = detection.{name}(weights=None, classes=3)
    >>> model.input_shape, model.output_shape
    ((None, 320, 320, 3), (None, 3232, 7))
"""


def build_ssdlite(
    variant,
    *,
    include_preprocessing,
    weights,
    backbone_weights,
    input_tensor,
    input_shape,
    classes,
    name,
):
    """Builds a detector; see `BASE_DOCSTRING`."""
    # === Arguments ===
    named = named_weights("detection", variant) or DETECTION_WEIGHTS
    check_network_weights(weights, backbone_weights, variant, named, classes)
    known = named.get(weights, next(iter(named.values()))).info
    if classes < 2:
        raise ValueError(
            "`classes` must be at least 2: the background and one other. "
            f"Received: classes={classes}"
        )
    image = image_input(
        weights or backbone_weights,
        input_tensor,
        input_shape,
        known.image.size[0],
        stacklevel=4,
    )

    # === Functional model ===
    x = rescale(image) if include_preprocessing else image
    pyramid = apply_backbone(x, variant)
    load_weights(keras.Model(image, pyramid), backbone_weights, variant)
    predictions = [
        _predict(x, level, index, classes)
        for index, (x, level) in enumerate(
            zip(_maps(pyramid), SSD_LEVELS, strict=True)
        )
    ]
    x = keras.layers.Concatenate(axis=1, name="predictions")(predictions)
    return finish_model(
        image,
        x,
        weights=weights,
        variant=variant,
        input_tensor=input_tensor,
        name=name,
    )


def _maps(pyramid):
    """The feature map of every level: the backbone's, and the extra ones."""
    maps = [pyramid["P4"], pyramid["P5"]]
    for index, level in enumerate(SSD_LEVELS[2:], start=2):
        x, name = maps[-1], f"extra{index}"
        if level.stride is None:
            x = keras.layers.GlobalAveragePooling2D(
                keepdims=True, name=f"{name}_pool"
            )(x)
            x = keras.layers.Conv2D(
                level.extra_filters,
                1,
                use_bias=False,
                activation="relu",
                name=f"{name}_conv",
            )(x)
        else:
            x = SSDConvBlock(
                None,
                kernel_size=3,
                strides=2,
                activation=None,
                name=f"{name}_depthwise",
            )(x)
            x = SSDConvBlock(level.extra_filters, name=f"{name}_pointwise")(x)
        maps.append(x)
    return maps


def _predict(x, level, index, classes):
    """Predicts `[B, cells * anchors, 4 + classes]` from a map."""
    name = f"head{index}"
    # As published, a map that has so many channels is not projected.
    if level.projection not in (0, x.shape[-1]):
        x = SSDConvBlock(level.projection, name=f"{name}_project")(x)
    if level.stride is not None:
        x = SSDConvBlock(
            None, kernel_size=3, activation=None, name=f"{name}_depthwise"
        )(x)
    x = keras.layers.Conv2D(
        level.anchors * (4 + classes), 1, name=f"{name}_predict"
    )(x)
    # [B, H, W, anchors * (4 + classes)] -> [B, H * W * anchors, 4 + classes]
    return keras.layers.Reshape((-1, 4 + classes), name=f"{name}_reshape")(x)


def MobileViTSSDLiteS(
    include_preprocessing=True,
    weights="coco",
    backbone_weights=None,
    input_tensor=None,
    input_shape=None,
    classes=81,
    name="mobilevit_ssdlite_s",
):
    return build_ssdlite(
        "mobilevit_s",
        include_preprocessing=include_preprocessing,
        weights=weights,
        backbone_weights=backbone_weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        classes=classes,
        name=name,
    )


def MobileViTSSDLiteXS(
    include_preprocessing=True,
    weights="coco",
    backbone_weights=None,
    input_tensor=None,
    input_shape=None,
    classes=81,
    name="mobilevit_ssdlite_xs",
):
    return build_ssdlite(
        "mobilevit_xs",
        include_preprocessing=include_preprocessing,
        weights=weights,
        backbone_weights=backbone_weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        classes=classes,
        name=name,
    )


def MobileViTSSDLiteXXS(
    include_preprocessing=True,
    weights="coco",
    backbone_weights=None,
    input_tensor=None,
    input_shape=None,
    classes=81,
    name="mobilevit_ssdlite_xxs",
):
    return build_ssdlite(
        "mobilevit_xxs",
        include_preprocessing=include_preprocessing,
        weights=weights,
        backbone_weights=backbone_weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        classes=classes,
        name=name,
    )


for _constructor in (
    MobileViTSSDLiteS,
    MobileViTSSDLiteXS,
    MobileViTSSDLiteXXS,
):
    _constructor.__doc__ = BASE_DOCSTRING.format(name=_constructor.__name__)

# Name of the backbone's variant -> constructor.
CONSTRUCTORS = {
    "mobilevit_s": MobileViTSSDLiteS,
    "mobilevit_xs": MobileViTSSDLiteXS,
    "mobilevit_xxs": MobileViTSSDLiteXXS,
}
