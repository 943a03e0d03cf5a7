"""SSDLite on MobileViTv2.

Reference:
  - [Separable Self-attention for Mobile Vision Transformers](
    https://arxiv.org/abs/2206.02680) (TMLR 2023), Section 4.3
"""

from __future__ import annotations

from keras_mobilevit.configs_v2 import VARIANTS
from keras_mobilevit.detection.ssdlite import build_ssdlite

BASE_DOCSTRING = """Instantiates the {name} architecture, an object detector.

Reference:
    - [Separable Self-attention for Mobile Vision Transformers](
        https://arxiv.org/abs/2206.02680) (TMLR 2023)
    - [SSD: Single Shot MultiBox Detector](https://arxiv.org/abs/1512.02325)
        (ECCV 2016)

As `MobileViTSSDLiteS`, on MobileViTv2. The authors report a COCO mAP of 21.24 %
for a width of 0.5, 24.57 % for 0.75, 26.47 % for 1.0, 27.85 % for 1.25,
28.83 % for 1.5, 29.52 % for 1.75 and 30.21 % for 2.0; not measured by this
project. The authors' checkpoints were not at hand to be tried: the names of
the head's weights are taken to be those of version 1.

Args:
    include_preprocessing: Whether the model scales pixels in [0, 255] to
        [0, 1] itself. Defaults to `True`.
    weights: One of `None` (random initialization), `"coco"` (the authors'
        file, downloaded), or the path to the weights file of such a network:
        `.weights.h5`, `.keras`, or a checkpoint published by Apple (`.pt`),
        recognised by its contents. Defaults to `None`.
    backbone_weights: Where to start training from, with `weights=None`: the
        backbone's part of `"imagenet"` (downloaded) or of the checkpoint of
        any network. Defaults to `None`.
    input_tensor: Keras tensor that the model takes images from. Defaults to
        a new input.
    input_shape: Shape `(height, width, channels)`. Sides must be at least
        32, or `None` for any size. Defaults to `(320, 320, 3)`.
    classes: Number of classes, the background among them, which is class 0.
        Defaults to 81, for the 80 of COCO.
    name: Name of the model.

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
    >>> model = detection.{name}(classes=3)
    >>> model.output_shape
    (None, 3232, 7)
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
        classes=81,
        name=f"mobilevitv2_ssdlite_{digits}",
    ):
        return build_ssdlite(
            variant,
            include_preprocessing=include_preprocessing,
            weights=weights,
            backbone_weights=backbone_weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            classes=classes,
            name=name,
        )

    construct.__name__ = f"MobileViTV2SSDLite_{digits}"
    construct.__qualname__ = construct.__name__
    construct.__doc__ = BASE_DOCSTRING.format(name=construct.__name__)
    return construct


# Name of the backbone's variant -> constructor.
CONSTRUCTORS = {variant: _constructor(variant) for variant in VARIANTS}
(
    MobileViTV2SSDLite_050,
    MobileViTV2SSDLite_075,
    MobileViTV2SSDLite_100,
    MobileViTV2SSDLite_125,
    MobileViTV2SSDLite_150,
    MobileViTV2SSDLite_175,
    MobileViTV2SSDLite_200,
) = CONSTRUCTORS.values()
