"""DeepLabv3 segmentation: networks, loss, metrics, masks and pictures."""

from typing import TYPE_CHECKING

from keras_mobilevit.lazy import lazy_names

if TYPE_CHECKING:
    from keras_mobilevit.segmentation.augmentation import augment
    from keras_mobilevit.segmentation.confusion import (
        class_iou,
        confusion_matrix,
        mean_iou,
        pixel_accuracy,
    )
    from keras_mobilevit.segmentation.deeplabv3 import (
        MobileViTDeepLabV3S,
        MobileViTDeepLabV3XS,
        MobileViTDeepLabV3XXS,
    )
    from keras_mobilevit.segmentation.deeplabv3_v2 import (
        MobileViTV2DeepLabV3_050,
        MobileViTV2DeepLabV3_075,
        MobileViTV2DeepLabV3_100,
        MobileViTV2DeepLabV3_125,
        MobileViTV2DeepLabV3_150,
        MobileViTV2DeepLabV3_175,
        MobileViTV2DeepLabV3_200,
    )
    from keras_mobilevit.segmentation.drawing import (
        colorize,
        overlay,
        voc_palette,
    )
    from keras_mobilevit.segmentation.folders import (
        MaskedImages,
        open_masked_images,
    )
    from keras_mobilevit.segmentation.losses import PixelCrossentropy
    from keras_mobilevit.segmentation.masks import (
        decode_predictions,
        preprocess,
    )
    from keras_mobilevit.segmentation.metrics import MeanIoU, PixelAccuracy

__all__ = [
    "MaskedImages",
    "MeanIoU",
    "MobileViTDeepLabV3S",
    "MobileViTDeepLabV3XS",
    "MobileViTDeepLabV3XXS",
    "MobileViTV2DeepLabV3_050",
    "MobileViTV2DeepLabV3_075",
    "MobileViTV2DeepLabV3_100",
    "MobileViTV2DeepLabV3_125",
    "MobileViTV2DeepLabV3_150",
    "MobileViTV2DeepLabV3_175",
    "MobileViTV2DeepLabV3_200",
    "PixelAccuracy",
    "PixelCrossentropy",
    "augment",
    "class_iou",
    "colorize",
    "confusion_matrix",
    "decode_predictions",
    "mean_iou",
    "open_masked_images",
    "overlay",
    "pixel_accuracy",
    "preprocess",
    "voc_palette",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "augmentation": ("augment",),
        "confusion": (
            "class_iou",
            "confusion_matrix",
            "mean_iou",
            "pixel_accuracy",
        ),
        "deeplabv3": (
            "MobileViTDeepLabV3S",
            "MobileViTDeepLabV3XS",
            "MobileViTDeepLabV3XXS",
        ),
        "deeplabv3_v2": (
            "MobileViTV2DeepLabV3_050",
            "MobileViTV2DeepLabV3_075",
            "MobileViTV2DeepLabV3_100",
            "MobileViTV2DeepLabV3_125",
            "MobileViTV2DeepLabV3_150",
            "MobileViTV2DeepLabV3_175",
            "MobileViTV2DeepLabV3_200",
        ),
        "drawing": ("colorize", "overlay", "voc_palette"),
        "folders": ("MaskedImages", "open_masked_images"),
        "losses": ("PixelCrossentropy",),
        "masks": ("decode_predictions", "preprocess"),
        "metrics": ("MeanIoU", "PixelAccuracy"),
    },
    moved={
        "MaskedPictures": "keras_mobilevit.segmentation.MaskedImages",
        "open_masked_pictures": (
            "keras_mobilevit.segmentation.open_masked_images"
        ),
    },
)
