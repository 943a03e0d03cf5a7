"""Backbone and classifiers."""

import keras
from trial_net.block import TrialBlock, TrialConv

from keras_mobilevit.backbone import (
    apply_backbone,
    check_weights,
    finish_model,
    image_input,
    rescale,
)
from keras_mobilevit.layers import ConvBlock


def feature_pyramid(x, config, output_stride=32):
    """Outputs of the stages, of strides 2, 4 and 8."""
    x = ConvBlock(config.width, 3, 2, name="stem")(x)
    pyramid = {"P1": x}
    x = pyramid["P2"] = TrialConv(2 * config.width, name="stage1_conv")(x)
    x = TrialConv(4 * config.width, name="stage2_conv")(x)
    for index in range(config.depth):
        x = TrialBlock(name=f"stage2_block{index + 1}")(x)
    pyramid["P3"] = x
    return pyramid


def _trial_net(
    variant,
    include_top=True,
    include_preprocessing=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=3,
    classifier_activation="softmax",
    name=None,
):
    check_weights(weights, variant)
    image = image_input(weights, input_tensor, input_shape, 32, stacklevel=4)
    x = rescale(image) if include_preprocessing else image
    x = apply_backbone(x, variant)["P3"]
    if include_top or pooling:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if include_top:
        x = keras.layers.Dense(
            classes, classifier_activation, name="predictions"
        )(x)
    return finish_model(
        image,
        x,
        weights=weights,
        variant=variant,
        input_tensor=input_tensor,
        name=name or variant,
    )


def TrialNetS(**kwargs):
    return _trial_net("trial_net_s", **kwargs)


def TrialNetM(**kwargs):
    return _trial_net("trial_net_m", **kwargs)


CONSTRUCTORS = {"trial_net_s": TrialNetS, "trial_net_m": TrialNetM}
