"""MobileViT models for Keras.

Reference:
  - [MobileViT: Light-weight, General-purpose, and Mobile-friendly Vision
    Transformer](https://arxiv.org/abs/2110.02178) (ICLR 2022)
"""

from __future__ import annotations

import keras
import numpy as np

from keras_mobilevit.backbone import (
    check_weights,
    feature_pyramid,
    finish_model,
    image_input,
    rescale,
)
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

For image classification use cases, see
[this page for detailed examples](
https://keras.io/api/applications/#usage-examples-for-image-classification-models).

For transfer learning use cases, make sure to read the
[guide to transfer learning & fine-tuning](
https://keras.io/guides/transfer_learning/).

Note: each Keras Application expects a specific kind of input preprocessing.
For MobileViT, preprocessing is by default included in the model (as a
`Rescaling` layer), and thus
`keras_mobilevit.mobilevit.preprocess_input` is actually a pass-through
function. The model expects its inputs to be float tensors of RGB pixels with
values in the [0-255] range. At the same time, preprocessing as a part of the
model can be disabled by setting `include_preprocessing` to `False`. Then the
model expects pixels with values in the [0-1] range.

Args:
    include_top: Whether to include the fully-connected layer at the top of
        the network. Defaults to `True`. Without it the model ends in the
        1x1 expansion.
    include_preprocessing: Whether to include the preprocessing layer at the
        bottom of the network. Defaults to `True`.
    weights: One of `None` (random initialization), `"imagenet"`
        (pre-training on ImageNet-1k, downloaded), `"cifar10"` (MobileViTXXS
        only, part of the package), or the path to the weights file to be
        loaded: `.weights.h5`, `.keras`, or a checkpoint published by Apple
        (`.pt`), timm, Hugging Face or keras_cv_attention_models, recognised
        by its contents. Defaults to `"imagenet"`.
    input_tensor: Optional Keras tensor (i.e. output of `keras.Input()`) to
        use as image input for the model.
    input_shape: Optional shape tuple `(height, width, channels)`. Sides must
        be at least 32, or `None` for any size. Defaults to the size of the
        weights (256, with `"cifar10"` 96) with `include_top`, else to
        `(None, None, 3)`.
    pooling: Optional pooling mode for feature extraction when `include_top`
        is `False`. Defaults to `None`.
        - `None` means that the output of the model will be the 4D tensor
            output of the last convolutional layer.
        - `"avg"` means that global average pooling will be applied to the
            output of the last convolutional layer, and thus the output of
            the model will be a 2D tensor.
        - `"max"` means that global max pooling will be applied.
    classes: Optional number of classes to classify images into, only to be
        specified if `include_top` is `True`. Defaults to 1000; with
        `weights="cifar10"` the default stands for its 10.
    classifier_activation: A `str` or callable. The activation function to
        use on the "top" layer. Ignored unless `include_top=True`. Set
        `classifier_activation=None` to return the logits of the "top" layer.
        Defaults to `"softmax"`. When loading pretrained weights,
        `classifier_activation` can only be `None` or `"softmax"`.
    name: The name of the model (string).

Returns:
    A model instance.

Raises:
    ValueError: If an argument is out of its range, or the weights do not fit
        the model.
    OSError: If `"imagenet"` weights can not be downloaded; the message says
        which file to fetch and where to put it.
"""


def _MobileViT(
    variant,
    include_top,
    include_preprocessing,
    weights,
    input_tensor,
    input_shape,
    pooling,
    classes,
    classifier_activation,
    name,
):
    """Builds a classifier or feature extractor; see `BASE_DOCSTRING`."""
    # === Arguments ===
    config = VARIANTS[variant]
    check_weights(weights, variant)
    known = WEIGHTS.get(weights, WEIGHTS["imagenet"]).info
    if weights in WEIGHTS and include_top:
        if classes not in (1000, known.classes):
            raise ValueError(
                f'If using `weights="{weights}"` with `include_top=True`, '
                f"`classes` should be {known.classes}. Received: "
                f"classes={classes}"
            )
        classes = known.classes
    if include_top and weights is not None:
        _validate_activation(classifier_activation)
    if pooling not in (None, "avg", "max"):
        raise ValueError(
            '`pooling` must be `None`, "avg" or "max". Received: '
            f"pooling={pooling}"
        )
    image = image_input(
        weights,
        input_tensor,
        input_shape,
        known.image.size[0] if include_top else None,
        stacklevel=4,
    )

    # === Functional model ===
    x = rescale(image) if include_preprocessing else image
    x = feature_pyramid(x, config)["P5"]
    x = ConvBlock(config.head_filters, name="head")(x)
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = keras.layers.Dropout(CLASSIFIER_DROPOUT, name="top_dropout")(x)
        x = keras.layers.Dense(
            classes,
            activation=classifier_activation,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="predictions",
        )(x)
    elif pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = keras.layers.GlobalMaxPooling2D(name="max_pool")(x)
    return finish_model(
        image,
        x,
        weights=weights,
        variant=variant,
        input_tensor=input_tensor,
        name=name,
    )


def _validate_activation(classifier_activation):
    activation = keras.activations.get(classifier_activation)
    if activation not in (
        keras.activations.get("softmax"),
        keras.activations.get(None),
    ):
        raise ValueError(
            "Only `None` and `softmax` activations are allowed for the "
            "`classifier_activation` argument when using pretrained weights, "
            "with `include_top=True`. Received: "
            f"classifier_activation={classifier_activation}"
        )


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
    """A placeholder method for backward compatibility.

    The preprocessing logic has been included in the MobileViT model
    implementation. Users are no longer required to call this method to
    normalize the input data. This method does nothing and only kept as a
    placeholder to align the API surface between old and new version of model.

    Args:
        x: A floating point array or tensor.
        data_format: Optional data format of the image tensor/array. Ignored.

    Returns:
        Unchanged array or tensor.
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
        if shape[1:] == (known.classes,):
            return f' Pass `weights="{name}"` if they are from those weights.'
    return ""
