"""The MobileViT variants as data: every width, depth and rate of the paper.

Nothing here computes; `keras_mobilevit.mobilevit` turns a config into a graph.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from keras_mobilevit.deprecation import moved_attribute
from keras_mobilevit.model_info import TASKS as TASKS
from keras_mobilevit.model_info import ImageSpec, ModelInfo, OutputSpec


@dataclasses.dataclass(frozen=True)
class StageConfig:
    """One MobileViT stage: a strided inverted residual, then the block.

    Attributes:
        filters: Channels C that leave the stage.
        projection_dim: Width d of the tokens inside the MobileViT block.
        depth: Number L of transformer layers in the block.

    Example:
        >>> from keras_mobilevit import configs
        >>> configs.VARIANTS["mobilevit_xxs"].stages[0]
        StageConfig(filters=48, projection_dim=64, depth=2)
    """

    filters: int
    projection_dim: int
    depth: int


@dataclasses.dataclass(frozen=True)
class MobileViTConfig:
    """One MobileViT variant (arXiv 2110.02178, Table 4 and Section A).

    Attributes:
        name: Model name, as in `keras.applications` (`"mobilevit_xxs"`).
        filters: Channels that leave stages 1 and 2, which hold inverted
            residuals only.
        stages: The three stages with MobileViT blocks (stages 3, 4 and 5).
        expansion: Expansion factor of every inverted residual.
        dropout: Rate after attention and after the feed-forward network.
        head_filters: Channels of the 1x1 expansion in front of the classifier.
        parameters: Trainable parameters with 1000 classes.
        macs: Multiply-accumulates at 256x256, attention matmuls included.
        top1: ImageNet top-1 (%) of the published weights, by the README that
            came with them; the paper has 74.8 for XS and 78.4 for S, and no
            figure for XXS. Not measured by this project.

    Example:
        >>> from keras_mobilevit import configs
        >>> config = configs.VARIANTS["mobilevit_s"]
        >>> f"{config.parameters:,} parameters, {config.macs / 1e9:.2f} G MACs"
        '5,578,632 parameters, 2.00 G MACs'
    """

    name: str
    filters: tuple[int, int]
    stages: tuple[StageConfig, StageConfig, StageConfig]
    expansion: int
    dropout: float
    head_filters: int
    parameters: int
    macs: int
    top1: float


@dataclasses.dataclass(frozen=True)
class WeightsConfig:
    """Weights with a name.

    Attributes:
        variants: Names of the variants that have such weights.
        info: What they were trained on, and how to feed them. The labels are
            empty where they are fetched with the weights.

    Example:
        >>> from keras_mobilevit import configs
        >>> weights = configs.WEIGHTS["cifar10"]
        >>> weights.variants, weights.info.image.size
        (('mobilevit_xxs',), (96, 96))
    """

    variants: tuple[str, ...]
    info: ModelInfo

    def __getattr__(self, name: str) -> Any:
        return moved_attribute(self, name, _MOVED)


# What described weights in 0.1, as attributes.
_MOVED = {
    "classes": "info.output_classes",
    "labels": "info.output_labels",
    "crop_fraction": "info.image.crop_pct",
    "native_size": "info.image.pre_resize",
    "licence": "info.licence",
    "task": "info.task",
}


# The same in all three variants.
STEM_FILTERS = 16
NUM_HEADS = 4
PATCH_SIZE = 2
MLP_RATIO = 2
CLASSIFIER_DROPOUT = 0.1
MIN_SIZE = 32
# Scope of the operations of the deploy form that make a map of tokens again;
# recipes and names of tensors refer to it.
FOLD_SCOPE = "fold"
# Scope of those that make a context vector of version 2's scores and keys.
CONTEXT_SCOPE = "context"

VARIANTS = {
    config.name: config
    for config in (
        MobileViTConfig(
            name="mobilevit_xxs",
            filters=(16, 24),
            stages=(
                StageConfig(48, 64, 2),
                StageConfig(64, 80, 4),
                StageConfig(80, 96, 3),
            ),
            expansion=2,
            dropout=0.05,
            head_filters=320,
            parameters=1_272_024,
            macs=407_364_096,
            top1=69.0,
        ),
        MobileViTConfig(
            name="mobilevit_xs",
            filters=(32, 48),
            stages=(
                StageConfig(64, 96, 2),
                StageConfig(80, 120, 4),
                StageConfig(96, 144, 3),
            ),
            expansion=4,
            dropout=0.1,
            head_filters=384,
            parameters=2_317_848,
            macs=1_025_911_808,
            top1=74.7,
        ),
        MobileViTConfig(
            name="mobilevit_s",
            filters=(32, 64),
            stages=(
                StageConfig(96, 144, 2),
                StageConfig(128, 192, 4),
                StageConfig(160, 240, 3),
            ),
            expansion=4,
            dropout=0.1,
            head_filters=640,
            parameters=5_578_632,
            macs=2_000_831_488,
            top1=78.3,
        ),
    )
}

_APPLE = "Apple sample code licence (weights of apple/ml-cvnets)"

WEIGHTS = {
    "imagenet": WeightsConfig(
        variants=tuple(VARIANTS),
        info=ModelInfo(
            classes=1000,
            # Short side 288, centre crop 256 (reference test preprocessing).
            image=ImageSpec(size=(256, 256), crop_pct=256 / 288),
            licence=_APPLE,
            training_data="ImageNet-1k",
        ),
    ),
    "cifar10": WeightsConfig(
        variants=("mobilevit_xxs",),
        info=ModelInfo(
            classes=10,
            labels=(
                *("airplane", "automobile", "bird", "cat", "deer"),
                *("dog", "frog", "horse", "ship", "truck"),
            ),
            image=ImageSpec(size=(96, 96), pre_resize=32),
            licence="Apache-2.0",
            training_data="CIFAR-10",
        ),
    ),
}

# === Segmentation with DeepLabv3 ===

# The same for all three variants.
ASPP_FILTERS = 256
ASPP_RATES = (6, 12, 18)
SEGMENTATION_DROPOUT = 0.1
# Pixels with this label count neither in the loss nor in the metrics.
IGNORE_LABEL = 255

# As `WEIGHTS`, for networks that tell the class of each pixel. A picture is
# resized to `size` whole, whatever its shape.
SEGMENTATION_WEIGHTS = {
    "pascal_voc": WeightsConfig(
        variants=tuple(VARIANTS),
        info=ModelInfo(
            task="segmentation",
            classes=21,
            labels=(
                *("background", "aeroplane", "bicycle", "bird", "boat"),
                *("bottle", "bus", "car", "cat", "chair", "cow"),
                *("diningtable", "dog", "horse", "motorbike", "person"),
                *("pottedplant", "sheep", "sofa", "train", "tvmonitor"),
            ),
            image=ImageSpec(size=(512, 512), crop_mode="squash"),
            output=OutputSpec(stride=16),
            licence=_APPLE,
            training_data="Pascal VOC 2012",
        ),
    ),
}

# === Detection with SSDLite ===


@dataclasses.dataclass(frozen=True)
class LevelConfig:
    """One feature map that a detector predicts boxes from.

    Attributes:
        stride: Pixels of the image a cell; `None` for the one cell that the
            whole map before is pooled into.
        extra_filters: Channels of the layer that makes the map out of the one
            before; 0 for a map of the backbone.
        projection: Channels that the map gets in front of its predictor; 0
            for those that it has.
        ratios: Aspect ratios of its anchors besides 1, each of which stands
            for itself and its inverse.

    Example:
        >>> from keras_mobilevit import configs
        >>> [level.stride for level in configs.SSD_LEVELS]
        [16, 32, 64, 128, 256, None]
    """

    stride: int | None
    extra_filters: int
    projection: int
    ratios: tuple[int, ...]

    @property
    def anchors(self) -> int:
        """Anchors a cell."""
        return 2 + 2 * len(self.ratios)


# The same for all three variants.
SSD_LEVELS = (
    LevelConfig(stride=16, extra_filters=0, projection=512, ratios=(2, 3)),
    LevelConfig(stride=32, extra_filters=0, projection=256, ratios=(2, 3)),
    LevelConfig(stride=64, extra_filters=256, projection=0, ratios=(2, 3)),
    LevelConfig(stride=128, extra_filters=128, projection=0, ratios=(2, 3)),
    LevelConfig(stride=256, extra_filters=128, projection=0, ratios=(2, 3)),
    LevelConfig(stride=None, extra_filters=64, projection=0, ratios=(2,)),
)
# Sides of the anchors of the first level, and beyond the last one, as shares
# of the image's.
SSD_SCALES = (0.1, 1.05)

# As `WEIGHTS`, for networks that find objects. A picture is resized to `size`
# whole, whatever its shape.
DETECTION_WEIGHTS = {
    "coco": WeightsConfig(
        variants=tuple(VARIANTS),
        info=ModelInfo(
            task="detection",
            classes=80,
            # COCO numbers its 80 categories from 1 to 90, with gaps; the
            # outputs have the same order without them.
            labels=(
                *("person", "bicycle", "car", "motorcycle", "airplane", "bus"),
                *("train", "truck", "boat", "traffic light", "fire hydrant"),
                *("stop sign", "parking meter", "bench", "bird", "cat", "dog"),
                *("horse", "sheep", "cow", "elephant", "bear", "zebra"),
                *("giraffe", "backpack", "umbrella", "handbag", "tie"),
                *("suitcase", "frisbee", "skis", "snowboard", "sports ball"),
                *("kite", "baseball bat", "baseball glove", "skateboard"),
                *("surfboard", "tennis racket", "bottle", "wine glass", "cup"),
                *("fork", "knife", "spoon", "bowl", "banana", "apple"),
                *(
                    "sandwich",
                    "orange",
                    "broccoli",
                    "carrot",
                    "hot dog",
                    "pizza",
                ),
                *("donut", "cake", "chair", "couch", "potted plant", "bed"),
                *("dining table", "toilet", "tv", "laptop", "mouse", "remote"),
                *("keyboard", "cell phone", "microwave", "oven", "toaster"),
                *("sink", "refrigerator", "book", "clock", "vase", "scissors"),
                *("teddy bear", "hair drier", "toothbrush"),
            ),
            image=ImageSpec(size=(320, 320), crop_mode="squash"),
            output=OutputSpec(kind="anchors", label_offset=1),
            licence=_APPLE,
            training_data="COCO 2017",
        ),
    ),
}
