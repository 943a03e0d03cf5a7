"""SSDLite detection: models, and each step from boxes to metrics.

`read_annotations` → `augment` → `make_targets` → `MultiBoxLoss`; and
`preprocess` → model → `decode_predictions` → `coco_results` → `coco_metrics`.
"""

from typing import TYPE_CHECKING

from keras_mobilevit.lazy import lazy_names

if TYPE_CHECKING:
    from keras_mobilevit.detection.anchors import make_anchors
    from keras_mobilevit.detection.annotations import (
        AnnotatedImage,
        Annotations,
        read_annotations,
    )
    from keras_mobilevit.detection.augmentation import augment
    from keras_mobilevit.detection.boxes import decode_boxes, encode_boxes
    from keras_mobilevit.detection.drawing import draw_detections
    from keras_mobilevit.detection.evaluation import (
        COCO_SCORE_THRESHOLD,
        CocoMetrics,
        coco_metrics,
        coco_results,
    )
    from keras_mobilevit.detection.layers import SSDConvBlock
    from keras_mobilevit.detection.losses import MultiBoxLoss
    from keras_mobilevit.detection.matching import make_targets, match_anchors
    from keras_mobilevit.detection.nms import Selection, non_max_suppression
    from keras_mobilevit.detection.predictions import (
        Detection,
        decode_predictions,
        preprocess,
        select_boxes,
    )
    from keras_mobilevit.detection.ssdlite import (
        MobileViTSSDLiteS,
        MobileViTSSDLiteXS,
        MobileViTSSDLiteXXS,
    )
    from keras_mobilevit.detection.ssdlite_v2 import (
        MobileViTV2SSDLite_050,
        MobileViTV2SSDLite_075,
        MobileViTV2SSDLite_100,
        MobileViTV2SSDLite_125,
        MobileViTV2SSDLite_150,
        MobileViTV2SSDLite_175,
        MobileViTV2SSDLite_200,
    )

__all__ = [
    "AnnotatedImage",
    "Annotations",
    "COCO_SCORE_THRESHOLD",
    "CocoMetrics",
    "Detection",
    "MobileViTSSDLiteS",
    "MobileViTSSDLiteXS",
    "MobileViTSSDLiteXXS",
    "MobileViTV2SSDLite_050",
    "MobileViTV2SSDLite_075",
    "MobileViTV2SSDLite_100",
    "MobileViTV2SSDLite_125",
    "MobileViTV2SSDLite_150",
    "MobileViTV2SSDLite_175",
    "MobileViTV2SSDLite_200",
    "MultiBoxLoss",
    "SSDConvBlock",
    "Selection",
    "augment",
    "coco_metrics",
    "coco_results",
    "decode_boxes",
    "decode_predictions",
    "draw_detections",
    "encode_boxes",
    "make_anchors",
    "make_targets",
    "match_anchors",
    "non_max_suppression",
    "preprocess",
    "read_annotations",
    "select_boxes",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "anchors": ("make_anchors",),
        "annotations": ("AnnotatedImage", "Annotations", "read_annotations"),
        "augmentation": ("augment",),
        "boxes": ("decode_boxes", "encode_boxes"),
        "drawing": ("draw_detections",),
        "evaluation": (
            "COCO_SCORE_THRESHOLD",
            "CocoMetrics",
            "coco_metrics",
            "coco_results",
        ),
        "layers": ("SSDConvBlock",),
        "losses": ("MultiBoxLoss",),
        "matching": ("make_targets", "match_anchors"),
        "nms": ("Selection", "non_max_suppression"),
        "predictions": (
            "Detection",
            "decode_predictions",
            "preprocess",
            "select_boxes",
        ),
        "ssdlite": (
            "MobileViTSSDLiteS",
            "MobileViTSSDLiteXS",
            "MobileViTSSDLiteXXS",
        ),
        "ssdlite_v2": (
            "MobileViTV2SSDLite_050",
            "MobileViTV2SSDLite_075",
            "MobileViTV2SSDLite_100",
            "MobileViTV2SSDLite_125",
            "MobileViTV2SSDLite_150",
            "MobileViTV2SSDLite_175",
            "MobileViTV2SSDLite_200",
        ),
    },
)
