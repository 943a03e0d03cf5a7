"""MobileViT (arXiv 2110.02178)."""

from __future__ import annotations

from keras_mobilevit.architectures.architecture import Architecture, Source
from keras_mobilevit.configs import (
    DETECTION_WEIGHTS,
    SEGMENTATION_WEIGHTS,
    VARIANTS,
    WEIGHTS,
)

_KECAM = (
    "https://github.com/leondgarse/keras_cv_attention_models/releases/"
    "download/mobilevit/"
)
_TIMM = (
    "https://github.com/rwightman/pytorch-image-models/releases/download/"
    "v0.1-mvit-weights/"
)
_APPLE = "https://docs-assets.developer.apple.com/ml-research/models/cvnets/"


def _sources(variant, kecam_md5, timm_sha256):
    """All hold the same weights; the order is that of trust in the hash."""
    return (
        Source(f"{_KECAM}{variant}_imagenet.h5", "kecam", "md5", kecam_md5),
        Source(
            f"{_TIMM}{variant}-{timm_sha256}.pth", "timm", digest=timm_sha256
        ),
        Source(f"{_APPLE}classification/{variant}.pt", "cvnets"),
    )


IMAGENET: dict[str, tuple[Source, ...]] = {
    variant: _sources(variant, *hashes)
    for variant, *hashes in (
        ("mobilevit_xxs", "f9d1d4f7329726b4bb9069cd631a152e", "ad385b40"),
        ("mobilevit_xs", "dcd8591668946aa4ddb0159dfe65cc2b", "8fbd6366"),
        ("mobilevit_s", "55f1051035ecd14e90ae3df80fd0c7f3", "38a5a959"),
    )
}
PASCAL_VOC: dict[str, tuple[Source, ...]] = {
    variant: (
        Source(
            f"{_APPLE}segmentation/deeplabv3_{variant}.pt",
            "cvnets",
            task="segmentation",
        ),
    )
    for variant in VARIANTS
}
COCO: dict[str, tuple[Source, ...]] = {
    variant: (
        Source(
            f"{_APPLE}detection/ssd_{variant}_320.pt",
            "cvnets",
            task="detection",
        ),
    )
    for variant in VARIANTS
}

MOBILEVIT = Architecture(
    name="mobilevit",
    variants=VARIANTS,
    constructors={
        "classification": "keras_mobilevit.mobilevit:CONSTRUCTORS",
        "segmentation": "keras_mobilevit.segmentation.deeplabv3:CONSTRUCTORS",
        "detection": "keras_mobilevit.detection.ssdlite:CONSTRUCTORS",
    },
    feature_pyramid="keras_mobilevit.backbone:feature_pyramid",
    keys="keras_mobilevit.checkpoints.modules:KEYS",
    layers={
        "keras_mobilevit.layers.inference": (
            "InferenceMobileViTBlock",
            "InferenceTransformerLayer",
            "UnitRMSNorm",
        ),
        "keras_mobilevit.layers.mobilevit_block": ("MobileViTBlock",),
        "keras_mobilevit.layers.transformer": ("TransformerLayer",),
    },
    deploy_forms={
        "keras_mobilevit.layers.mobilevit_block:MobileViTBlock": (
            "keras_mobilevit.layers.inference:"
            "InferenceMobileViTBlock.from_block"
        ),
    },
    weights={
        "classification": WEIGHTS,
        "segmentation": SEGMENTATION_WEIGHTS,
        "detection": DETECTION_WEIGHTS,
    },
    files={"imagenet": IMAGENET, "pascal_voc": PASCAL_VOC, "coco": COCO},
    embedded={
        "cifar10": {
            "mobilevit_xxs": "defa7d4d1b06ba8b9615a48afab185759c583c6db967787d"
            "117a6e5fb3b15478",
        },
    },
    parts=(
        ("stem",),
        ("stage1",),
        ("stage2",),
        ("stage3",),
        ("stage4",),
        ("stage5",),
    ),
    # Those whose int8 form makes most noise for the time that it saves: the
    # search on the embedded checkpoint, and the noise of each layer of two
    # fine-tunes of ImageNet weights, singled them out.
    float_layers=(
        r"^(preprocessing|stem|stage\d_ir\d?|head|avg_pool|predictions)/",
        r"^stage4_block/(local|concatenation|fusion)\b",
        r"^stage5_block/",
        # What is added up on the way through the transformers.
        r"^stage\d_block/(space_to_depth|reshape|transformer_\d+/add)",
    ),
    openings=("stage4_ir", "stage5_ir"),
)
