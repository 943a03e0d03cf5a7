"""The MobileViT variants as data: every width, depth and rate of the paper.

Nothing here computes; `keras_mobilevit.mobilevit` turns a config into a graph.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class StageConfig:
    """One MobileViT stage: a strided inverted residual, then the block.

    Attributes:
        filters: Channels C that leave the stage.
        projection_dim: Width d of the tokens inside the MobileViT block.
        depth: Number L of transformer layers in the block.
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
        top1: ImageNet top-1 (%) that the authors report for the published
            weights. Not measured by this project.
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
    """What a named checkpoint was trained on, and how to feed it.

    Attributes:
        variants: Names of the variants that have such weights.
        classes: Classes of the classifier.
        size: Side of the square input that the weights are for, in pixels.
        crop_fraction: Side of the centre crop over the short side of the
            resized picture.
        native_size: Side of the training images, if they were enlarged to
            `size`: a picture is first reduced to it. 0 if they were not.
        labels: Class names in the order of the outputs; empty where they are
            fetched with the weights.
        licence: Licence of the weights.
    """

    variants: tuple[str, ...]
    classes: int
    size: int
    crop_fraction: float
    native_size: int
    labels: tuple[str, ...]
    licence: str


# The same in all three variants.
STEM_FILTERS = 16
NUM_HEADS = 4
PATCH_SIZE = 2
MLP_RATIO = 2
CLASSIFIER_DROPOUT = 0.1
MIN_SIZE = 32

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
            top1=74.8,
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
            top1=78.4,
        ),
    )
}

WEIGHTS = {
    "imagenet": WeightsConfig(
        variants=tuple(VARIANTS),
        classes=1000,
        size=256,
        # Short side 288, centre crop 256 (reference test preprocessing).
        crop_fraction=256 / 288,
        native_size=0,
        labels=(),
        licence="Apple sample code licence (weights of apple/ml-cvnets)",
    ),
    "cifar10": WeightsConfig(
        variants=("mobilevit_xxs",),
        classes=10,
        size=96,
        crop_fraction=1.0,
        native_size=32,
        labels=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        licence="Apache-2.0",
    ),
}
