"""MobileViT models for Keras.

Reference:
  - [MobileViT: Light-weight, General-purpose, and Mobile-friendly Vision
    Transformer](https://arxiv.org/abs/2110.02178) (ICLR 2022)
"""

from __future__ import annotations

import keras
import numpy as np

from keras_mobilevit.backbone import feature_pyramid
from keras_mobilevit.classifiers import build_classifier
from keras_mobilevit.configs import (
    CLASSIFIER_DROPOUT,
    VARIANTS,
    WEIGHTS,
)
from keras_mobilevit.labels import identified_classes
from keras_mobilevit.layers import ConvBlock

BASE_DOCSTRING = """Instantiates the {name} architecture.

Reference:
    - [MobileViT: Light-weight, General-purpose, and Mobile-friendly Vision
        Transformer](https://arxiv.org/abs/2110.02178) (ICLR 2022)

| Model        | Parameters | MACs at 256 | ImageNet top-1 |
|--------------|------------|-------------|----------------|
| MobileViTXXS | 1,272,024  | 0.41 G      | 69.0 %         |
| MobileViTXS  | 2,317,848  | 1.03 G      | 74.7 %         |
| MobileViTS   | 5,578,632  | 2.00 G      | 78.3 %         |

Parameters are the trainable ones with 1000 classes; MACs are
multiply-accumulates with the attention matmuls. The accuracies are those that
the authors report for the weights they published, with pictures resized to a
short side of 288 and cropped to 256; the paper has 74.8 % for XS and 78.4 %
for S. They were not measured by this project.

The model takes RGB pixels in [0, 255] and scales them itself, in a `Rescaling`
layer: `keras_mobilevit.mobilevit.preprocess_input` returns its argument as it
is. With `include_preprocessing=False` there is no such layer, and the pixels
have to be in [0, 1].

Keras describes [classification](
https://keras.io/api/applications/#usage-examples-for-image-classification-models)
and [transfer learning](https://keras.io/guides/transfer_learning/) with models
that have these arguments.

Args:
    include_top: Whether the model ends in a classifier; otherwise in the 1x1
        expansion before it. Defaults to `True`.
    include_preprocessing: Whether the model scales the pixels. Defaults to
        `True`.
    weights: One of `None` (random initialization), `"imagenet"`
        (pre-training on ImageNet-1k, downloaded), `"cifar10"` (MobileViTXXS
        only, part of the package), or the path to the weights file to be
        loaded: `.weights.h5`, `.keras`, or a checkpoint published by Apple
        (`.pt`), timm, Hugging Face (or the folder of a model) or
        keras_cv_attention_models, recognised by its contents. Defaults to
        `"imagenet"`.
    input_tensor: Keras tensor, such as `keras.Input()` returns, that the model
        takes images from. Defaults to a new input.
    input_shape: Shape `(height, width, channels)` of the input. Sides must
        be at least 32, or `None` for any size. Defaults to the size of the
        weights (256, with `"cifar10"` 96) with `include_top`, else to
        `(None, None, 3)`.
    pooling: What follows the 1x1 expansion without `include_top`: `None` for
        nothing, so that the output is a feature map of 4 axes; `"avg"` or
        `"max"` for the mean or maximum over all positions, `(batch,
        channels)`. Defaults to `None`.
    classes: Number of classes of the classifier; without effect if
        `include_top` is `False`. Defaults to 1000; with `weights="cifar10"`
        the default stands for its 10.
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
    OSError: If `"imagenet"` weights can not be downloaded; the message says
        which file to fetch and where to put it.

Example:
    >>> import keras_mobilevit
    >>> model = keras_mobilevit.{name}(weights=None, classes=5)
    >>> model.input_shape, model.output_shape
    ((None, 256, 256, 3), (None, 5))
"""


def _MobileViT(variant, **arguments):
    """Builds a classifier or feature extractor; see `BASE_DOCSTRING`."""
    config = VARIANTS[variant]

    def features(x):
        x = feature_pyramid(x, config)["P5"]
        return ConvBlock(config.head_filters, name="head")(x)

    return build_classifier(variant, features, CLASSIFIER_DROPOUT, **arguments)


def MobileViTS(
    include_top=True,
    include_preprocessing=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="mobilevit_s",
):
    return _MobileViT(
        "mobilevit_s",
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


def MobileViTXS(
    include_top=True,
    include_preprocessing=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="mobilevit_xs",
):
    return _MobileViT(
        "mobilevit_xs",
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


def MobileViTXXS(
    include_top=True,
    include_preprocessing=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="mobilevit_xxs",
):
    return _MobileViT(
        "mobilevit_xxs",
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


for _constructor in (MobileViTS, MobileViTXS, MobileViTXXS):
    _constructor.__doc__ = BASE_DOCSTRING.format(name=_constructor.__name__)

# Variant name -> constructor, for callers that hold the name as data.
CONSTRUCTORS = {
    "mobilevit_s": MobileViTS,
    "mobilevit_xs": MobileViTXS,
    "mobilevit_xxs": MobileViTXXS,
}


def preprocess_input(x, data_format=None):
    """Returns its argument: the models scale pixels themselves.

    It is there because all of `keras.applications` have such a function, so
    that code for those works with MobileViT.

    Args:
        x: Array or tensor of pixels in [0, 255].
        data_format: Without effect.

    Returns:
        `x` itself.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import mobilevit
        >>> pixels = np.zeros((1, 96, 96, 3))
        >>> mobilevit.preprocess_input(pixels) is pixels
        True
    """
    return x


def decode_predictions(preds, top=5, weights="imagenet"):
    """Names the classes that a classifier takes a picture for.

    Args:
        preds: Array or tensor `(batch, classes)`, the output of a model with
            named weights.
        top: How many classes to name for each picture. Defaults to 5.
        weights: Name of the model's weights, `"imagenet"` or `"cifar10"`.
            Defaults to `"imagenet"`.

    Returns:
        A list for each picture of tuples `(id, name, score)`, the best first.
        For ImageNet as `keras.applications` gives them, such as
        `("n02504458", "African_elephant", 0.9)`; the ids of other weights
        are the numbers of the classes, as text.

    Raises:
        ValueError: If `preds` is not of such a model.

    Example:
        >>> import numpy as np
        >>> from keras_mobilevit import mobilevit
        >>> scores = np.array([[0, 0, 0, 0.7, 0, 0.2, 0, 0, 0.1, 0]])
        >>> mobilevit.decode_predictions(scores, top=2, weights="cifar10")
        [[('3', 'cat', 0.7), ('5', 'dog', 0.2)]]
    """
    classes = identified_classes(weights)
    preds = keras.ops.convert_to_numpy(preds)
    if preds.ndim != 2 or preds.shape[1] != len(classes):
        raise ValueError(
            f'The classes of `weights="{weights}"` are for predictions of '
            f"shape (batch, {len(classes)}). Received: {preds.shape}."
            f"{_hint(preds.shape)}"
        )
    return [
        [
            (*_with_underscores(*classes[index]), float(scores[index]))
            for index in np.argsort(-scores, kind="stable")[:top]
        ]
        for scores in preds
    ]


def _with_underscores(identity, name):
    return identity, name.replace(" ", "_")


def _hint(shape):
    """Which named weights have so many classes."""
    for name, known in WEIGHTS.items():
        if shape[1:] == (known.info.classes,):
            return f' Pass `weights="{name}"` if they are from those weights.'
    return ""
