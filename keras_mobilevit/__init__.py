"""MobileViT (arXiv 2110.02178) for Keras 3, and for phones."""

from keras_mobilevit import layers, mobilevit
from keras_mobilevit.backbone import MobileViTBackbone
from keras_mobilevit.mobilevit import MobileViTS, MobileViTXS, MobileViTXXS
from keras_mobilevit.reparameterization import reparameterize
from keras_mobilevit.version import __version__

__all__ = [
    "MobileViTBackbone",
    "MobileViTS",
    "MobileViTXS",
    "MobileViTXXS",
    "__version__",
    "layers",
    "mobilevit",
    "reparameterize",
]
