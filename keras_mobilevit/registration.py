"""Lets Keras open saved models before their classes are imported.

`import keras_mobilevit, keras; keras.saving.load_model("x.keras")` has to work,
though importing this package does not import its layers. Keras looks a class
up by its registered name and imports no modules but its own. So, as soon as
Keras is there, each name is registered with a stand-in that imports the class
when it is needed. The class itself then takes the place of the stand-in.

Importing the layers right after Keras instead would fail where one of our own
modules is what imports Keras first: it would be needed half-initialized.
"""

from __future__ import annotations

import importlib
from typing import Any

from keras_mobilevit.import_hooks import after_import

PACKAGE = "keras_mobilevit"
# Module -> the classes that it registers with Keras.
REGISTERED = {
    "detection.layers": ("SSDConvBlock",),
    "detection.losses": ("MultiBoxLoss",),
    "layers.aspp": ("ASPP",),
    "layers.batch_normalization": ("BatchNormalization",),
    "layers.convolution": ("ConvBlock", "InvertedResidual"),
    "layers.inference": (
        "InferenceMobileViTBlock",
        "InferenceTransformerLayer",
        "UnitRMSNorm",
    ),
    "layers.mobilevit_block": ("MobileViTBlock",),
    "layers.resizing": ("ResizeLike",),
    "layers.transformer": ("TransformerLayer",),
    "segmentation.losses": ("PixelCrossentropy",),
    "segmentation.metrics": ("MeanIoU", "PixelAccuracy"),
    "training.optimizer": ("TrainingAdamW",),
    "training.schedule": ("WarmupCosine",),
}


def register_with_keras() -> None:
    """Registers now, or as soon as Keras is imported."""
    after_import("keras", _register)


def _register() -> None:
    from keras.saving import get_custom_objects

    objects = get_custom_objects()
    for module, names in REGISTERED.items():
        for name in names:
            # The class itself may be there already.
            objects.setdefault(f"{PACKAGE}>{name}", _stand_in(module, name))


def _stand_in(module: str, name: str) -> type:
    """A class of which Keras can only make objects of another class."""

    def from_config(config: dict[str, Any]) -> Any:
        found = importlib.import_module(f"{PACKAGE}.{module}")
        return getattr(found, name).from_config(config)

    return type(name, (), {"from_config": staticmethod(from_config)})
