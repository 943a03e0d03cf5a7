"""MobileViT (1 and 2) for Keras 3, and for phones.

arXiv 2110.02178 and arXiv 2206.02680.
"""

from typing import TYPE_CHECKING

from keras_mobilevit.lazy import lazy_names
from keras_mobilevit.registration import register_with_keras
from keras_mobilevit.version import __version__

if TYPE_CHECKING:
    from keras_mobilevit import (
        android,
        checkpoints,
        compression,
        configs,
        detection,
        layers,
        mobilevit,
        mobilevit_v2,
        segmentation,
        tflite,
        training,
    )
    from keras_mobilevit.backbone import MobileViTBackbone
    from keras_mobilevit.mobilevit import MobileViTS, MobileViTXS, MobileViTXXS
    from keras_mobilevit.mobilevit_v2 import (
        MobileViTV2_050,
        MobileViTV2_075,
        MobileViTV2_100,
        MobileViTV2_125,
        MobileViTV2_150,
        MobileViTV2_175,
        MobileViTV2_200,
        MobileViTV2Backbone,
    )
    from keras_mobilevit.opening import list_models, open_model
    from keras_mobilevit.reparameterization import reparameterize

__all__ = [
    "MobileViTBackbone",
    "MobileViTS",
    "MobileViTV2Backbone",
    "MobileViTV2_050",
    "MobileViTV2_075",
    "MobileViTV2_100",
    "MobileViTV2_125",
    "MobileViTV2_150",
    "MobileViTV2_175",
    "MobileViTV2_200",
    "MobileViTXS",
    "MobileViTXXS",
    "__version__",
    "android",
    "checkpoints",
    "compression",
    "configs",
    "detection",
    "layers",
    "list_models",
    "mobilevit",
    "mobilevit_v2",
    "open_model",
    "reparameterize",
    "segmentation",
    "tflite",
    "training",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "android": ("android",),
        "backbone": ("MobileViTBackbone",),
        "checkpoints": ("checkpoints",),
        "compression": ("compression",),
        "configs": ("configs",),
        "detection": ("detection",),
        "layers": ("layers",),
        "mobilevit": ("mobilevit", "MobileViTS", "MobileViTXS", "MobileViTXXS"),
        "mobilevit_v2": (
            "mobilevit_v2",
            "MobileViTV2Backbone",
            "MobileViTV2_050",
            "MobileViTV2_075",
            "MobileViTV2_100",
            "MobileViTV2_125",
            "MobileViTV2_150",
            "MobileViTV2_175",
            "MobileViTV2_200",
        ),
        "opening": ("list_models", "open_model"),
        "reparameterization": ("reparameterize",),
        "segmentation": ("segmentation",),
        "tflite": ("tflite",),
        "training": ("training",),
    },
)
register_with_keras()
