"""The MobileViTv2 variants (arXiv 2206.02680) as data: one network, 7 sizes."""

from __future__ import annotations

import dataclasses

from keras_mobilevit.configs import StageConfig


@dataclasses.dataclass(frozen=True)
class MobileViTV2Config:
    """One MobileViTv2 variant.

    Attributes:
        name: Model name, as in `keras.applications` (`"mobilevitv2_100"`).
        width: Factor of all widths.
        stem_filters: Channels of the stem.
        filters: Channels that leave stages 1 and 2, which hold inverted
            residuals only.
        stages: The three stages with MobileViTv2 blocks (stages 3, 4 and 5).
        parameters: Trainable parameters with 1000 classes.
        macs: Multiply-accumulates of convolutions and dense layers at 256x256.
        top1: ImageNet top-1 (%) that the authors report for the weights they
            published, at 256x256. Not measured by this project.

    Example:
        >>> from keras_mobilevit import configs_v2
        >>> config = configs_v2.VARIANTS["mobilevitv2_050"]
        >>> config.stem_filters, config.filters, config.stages[0]
        (16, (32, 64), StageConfig(filters=128, projection_dim=64, depth=2))
    """

    name: str
    width: float
    stem_filters: int
    filters: tuple[int, int]
    stages: tuple[StageConfig, StageConfig, StageConfig]
    parameters: int
    macs: int
    top1: float


# The same in all variants.
EXPANSION = 2
MLP_RATIO = 2
PATCH_SIZE = 2
# Of DeepLabv3.
ASPP_FILTERS = 512


def _config(percent, parameters, macs, top1):
    # The multiples of 8 and 16 that the reference code rounds to are reached
    # by all published widths.
    width = percent / 100
    return MobileViTV2Config(
        name=f"mobilevitv2_{percent:03d}",
        width=width,
        stem_filters=int(32 * width),
        filters=(int(64 * width), int(128 * width)),
        stages=tuple(
            StageConfig(int(filters * width), int(filters * width) // 2, depth)
            for filters, depth in ((256, 2), (384, 4), (512, 3))
        ),
        parameters=parameters,
        macs=macs,
        top1=top1,
    )


VARIANTS = {
    config.name: config
    for config in (
        _config(50, 1_370_593, 464_600_000, 70.18),
        _config(75, 2_866_009, 1_028_000_000, 75.56),
        _config(100, 4_901_841, 1_812_100_000, 78.09),
        _config(125, 7_478_089, 2_816_900_000, 79.65),
        _config(150, 10_594_753, 4_042_500_000, 80.38),
        _config(175, 14_251_833, 5_488_800_000, 80.84),
        _config(200, 18_449_329, 7_155_800_000, 81.17),
    )
}
