"""Lets Keras open saved models before their classes are imported.

`import keras_mobilevit, keras; keras.saving.load_model("x.keras")` has to work,
though importing this package does not import its layers. So, as soon as Keras
is there, each class is registered by a stand-in
(`keras_mobilevit.stand_ins`).

Importing the layers right after Keras instead would fail where one of our own
modules is what imports Keras first: it would be needed half-initialized.
"""

from __future__ import annotations

from keras_mobilevit.import_hooks import after_import
from keras_mobilevit.stand_ins import PACKAGE, register_stand_ins

# Module -> the classes that it registers with Keras. Those that only one
# architecture has are in its entry, `Architecture.layers`.
REGISTERED = {
    "detection.layers": ("SSDConvBlock",),
    "detection.losses": ("MultiBoxLoss",),
    "layers.aspp": ("ASPP",),
    "layers.batch_normalization": ("BatchNormalization",),
    "layers.convolution": ("ConvBlock", "InvertedResidual"),
    "layers.resizing": ("ResizeLike",),
    "segmentation.losses": ("PixelCrossentropy",),
    "segmentation.metrics": ("MeanIoU", "PixelAccuracy"),
    "training.optimizer": ("TrainingAdamW",),
    "training.schedule": ("WarmupCosine",),
}


def register_with_keras() -> None:
    """Registers now, or as soon as Keras is imported."""
    after_import("keras", _register)


def registered_classes() -> dict[str, tuple[str, ...]]:
    """Full name of each module -> the classes that it registers with Keras."""
    from keras_mobilevit.architectures import architectures

    classes = {f"{PACKAGE}.{name}": found for name, found in REGISTERED.items()}
    for architecture in architectures():
        classes |= architecture.layers
    return classes


def _register() -> None:
    register_stand_ins(registered_classes())
