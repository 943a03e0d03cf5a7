"""Keras layers that implement MobileViT, usable alone."""

from keras_mobilevit.layers.aspp import ASPP
from keras_mobilevit.layers.convolution import ConvBlock, InvertedResidual
from keras_mobilevit.layers.deploy_forms import register_deploy_form
from keras_mobilevit.layers.inference import (
    InferenceMobileViTBlock,
    InferenceTransformerLayer,
    UnitRMSNorm,
)
from keras_mobilevit.layers.mobilevit_block import MobileViTBlock
from keras_mobilevit.layers.mobilevit_v2_block import (
    MobileViTV2Block,
    SeparableTransformerLayer,
)
from keras_mobilevit.layers.mobilevit_v2_inference import (
    InferenceMobileViTV2Block,
    InferenceSeparableTransformerLayer,
    UnitGroupNorm,
)
from keras_mobilevit.layers.resizing import ResizeLike
from keras_mobilevit.layers.transformer import TransformerLayer

__all__ = [
    "ASPP",
    "ConvBlock",
    "InferenceMobileViTBlock",
    "InferenceMobileViTV2Block",
    "InferenceSeparableTransformerLayer",
    "InferenceTransformerLayer",
    "InvertedResidual",
    "MobileViTBlock",
    "MobileViTV2Block",
    "ResizeLike",
    "SeparableTransformerLayer",
    "TransformerLayer",
    "UnitGroupNorm",
    "UnitRMSNorm",
    "register_deploy_form",
]
