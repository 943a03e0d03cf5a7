"""MobileViT (arXiv 2110.02178) for Keras 3, and for phones."""

import importlib

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


def __getattr__(name):
    """Imports the networks for dense prediction when they are asked for."""
    if name in ("detection", "segmentation"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
