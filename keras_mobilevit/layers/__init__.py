"""Keras layers that implement MobileViT, usable alone."""

from keras_mobilevit.layers.convolution import ConvBlock, InvertedResidual
from keras_mobilevit.layers.inference import (
    InferenceMobileViTBlock,
    InferenceTransformerLayer,
    UnitRMSNorm,
)
from keras_mobilevit.layers.mobilevit_block import MobileViTBlock
from keras_mobilevit.layers.transformer import TransformerLayer

__all__ = [
    "ConvBlock",
    "InferenceMobileViTBlock",
    "InferenceTransformerLayer",
    "InvertedResidual",
    "MobileViTBlock",
    "TransformerLayer",
    "UnitRMSNorm",
]
