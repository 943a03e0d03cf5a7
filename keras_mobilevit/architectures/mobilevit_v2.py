"""MobileViTv2 (arXiv 2206.02680)."""

from __future__ import annotations

import dataclasses

from keras_mobilevit.architectures.architecture import Architecture, Source
from keras_mobilevit.configs import (
    DETECTION_WEIGHTS,
    SEGMENTATION_WEIGHTS,
    WEIGHTS,
    WeightsConfig,
)
from keras_mobilevit.configs_v2 import VARIANTS

_KECAM = (
    "https://github.com/leondgarse/keras_cv_attention_models/releases/"
    "download/mobilevit/"
)
_TIMM = (
    "https://github.com/rwightman/pytorch-image-models/releases/download/"
    "v0.1-mvit-weights/"
)
_APPLE = "https://docs-assets.developer.apple.com/ml-research/models/cvnets-v2/"
# Those that were trained on ImageNet-21k too.
_WIDE = tuple(name for name, c in VARIANTS.items() if c.width >= 1.5)

# Name of the weights -> the authors' folder, and their side in pixels.
_FOLDERS = {
    "imagenet": ("imagenet1k/256x256", 256),
    "imagenet_384": ("imagenet1k/384x384", 384),
    "imagenet21k_1k": ("imagenet21k_to_1k/256x256", 256),
    "imagenet21k_1k_384": ("imagenet21k_to_1k/384x384", 384),
}
# Name of the weights -> what stands in kecam's and in timm's names of files
# between the width and the hash.
_KECAM_NAMES = {
    "imagenet": "256_imagenet",
    "imagenet21k_1k": "256_imagenet22k",
    "imagenet21k_1k_384": "384_imagenet22k",
}
_TIMM_NAMES = {
    "imagenet": "",
    "imagenet21k_1k": "_in22ft1k",
    "imagenet21k_1k_384": "_384_in22ft1k",
}
# Name of the weights -> width -> MD5 of kecam's file, start of the SHA-256 of
# timm's.
_HASHES = {
    "imagenet": {
        "050": ("a842a40c0f49dc2bbe935493caed061b", "49951ee2"),
        "075": ("8588b3d6bf4aa750766ddc6d01824c67", "b5556ef6"),
        "100": ("55d499bbc29f0f6379a4cc6f610e10e8", "e464ef3b"),
        "125": ("b8af7b7668774796530f19dd5b6080fb", "0ae35027"),
        "150": ("065e7a07f7e2d0d74a33913195df9044", "737c5019"),
        "175": ("627719428c6cb35f071a7ea69a6961c4", "16462ee2"),
        "200": ("1fe59d8bb2662761084d1c04259a778d", "b3422f67"),
    },
    "imagenet21k_1k": {
        "150": ("cf3c4ec278154ece62e8967faa5c0391", "0b555d7b"),
        "175": ("b849708a6b2c1f115b8b8c366e1d1a19", "4117fa1f"),
        "200": ("931f0be1761bcf8443359ec1661bb6a7", "1d7c8927"),
    },
    "imagenet21k_1k_384": {
        "150": ("cdcfaebb573f8cd1f41044ac0e958204", "9e142854"),
        "175": ("d3feef5108b6195d1c5525fb185bf720", "059cbe56"),
        "200": ("1dc6cdafb187611e5a4819272d64fba7", "32c87503"),
    },
}


def _sources(weights, config):
    """All hold the same weights; the order is that of trust in the hash."""
    digits = config.name.rpartition("_")[2]
    if digits in _HASHES.get(weights, {}):
        md5, sha256 = _HASHES[weights][digits]
        name = f"mobilevit_v2_{digits}_{_KECAM_NAMES[weights]}.h5"
        yield Source(f"{_KECAM}{name}", "kecam", "md5", md5)
        name = f"{config.name}{_TIMM_NAMES[weights]}-{sha256}.pth"
        yield Source(f"{_TIMM}{name}", "timm", digest=sha256)
    folder, _ = _FOLDERS[weights]
    name = f"mobilevitv2-{config.width}.pt"
    url = f"{_APPLE}classification/mobilevitv2/{folder}/{name}"
    yield Source(url, "cvnets")


def _weights(name):
    _, side = _FOLDERS[name]
    known = WEIGHTS["imagenet"].info
    data = known.training_data
    if name.startswith("imagenet21k"):
        data = f"ImageNet-21k, then {data}"
    # The authors' evaluation resizes the short side to 288 and crops 256; at
    # 384 it takes the whole height or width.
    crop_pct = 256 / 288 if side == 256 else 1.0
    info = dataclasses.replace(known, training_data=data).with_image(
        size=(side, side), crop_pct=crop_pct
    )
    wide = name.startswith("imagenet21k")
    return WeightsConfig(_WIDE if wide else tuple(VARIANTS), info)


WEIGHTS_V2 = {name: _weights(name) for name in _FOLDERS}

_VOC = WeightsConfig(
    tuple(f"mobilevitv2_{digits}" for digits in ("050", "100", "125", "150")),
    SEGMENTATION_WEIGHTS["pascal_voc"].info,
)
_COCO = WeightsConfig(tuple(VARIANTS), DETECTION_WEIGHTS["coco"].info)


def _dense_files(weights, folder, prefix, task):
    """Variant -> the authors' only file."""
    return {
        name: (
            Source(
                f"{_APPLE}{folder}/{prefix}-mobilevitv2-{VARIANTS[name].width}"
                ".pt",
                "cvnets",
                task=task,
            ),
        )
        for name in weights.variants
    }


MOBILEVIT_V2 = Architecture(
    name="mobilevitv2",
    variants=VARIANTS,
    constructors={
        "classification": "keras_mobilevit.mobilevit_v2:CONSTRUCTORS",
        "segmentation": (
            "keras_mobilevit.segmentation.deeplabv3_v2:CONSTRUCTORS"
        ),
        "detection": "keras_mobilevit.detection.ssdlite_v2:CONSTRUCTORS",
    },
    feature_pyramid="keras_mobilevit.mobilevit_v2:feature_pyramid",
    keys="keras_mobilevit.checkpoints.modules_v2:KEYS",
    layers={
        "keras_mobilevit.layers.mobilevit_v2_block": (
            "MobileViTV2Block",
            "SeparableTransformerLayer",
        ),
        "keras_mobilevit.layers.mobilevit_v2_inference": (
            "InferenceMobileViTV2Block",
            "InferenceSeparableTransformerLayer",
            "UnitGroupNorm",
        ),
    },
    deploy_forms={
        "keras_mobilevit.layers.mobilevit_v2_block:MobileViTV2Block": (
            "keras_mobilevit.layers.mobilevit_v2_inference:"
            "InferenceMobileViTV2Block.from_block"
        ),
    },
    weights={
        "classification": WEIGHTS_V2,
        "segmentation": {"pascal_voc": _VOC},
        "detection": {"coco": _COCO},
    },
    files={
        weights: {
            variant: tuple(_sources(weights, VARIANTS[variant]))
            for variant in config.variants
        }
        for weights, config in WEIGHTS_V2.items()
    }
    | {
        "pascal_voc": _dense_files(
            _VOC,
            "segmentation/pascalvoc/mobilevitv2",
            "deeplabv3",
            "segmentation",
        ),
        "coco": _dense_files(
            _COCO, "detection/mobilevitv2", "coco-ssd", "detection"
        ),
    },
    parts=(
        ("stem",),
        ("stage1",),
        ("stage2",),
        ("stage3",),
        ("stage4",),
        ("stage5",),
    ),
    # By analogy with version 1, whose layers were searched for and measured.
    float_layers=(
        r"^(preprocessing|stem|stage\d_ir\d?|avg_pool|predictions)/",
        r"^stage4_block/local\b",
        r"^stage5_block/",
        # What is added up on the way through the transformers.
        r"^stage\d_block/(space_to_depth|reshape|transformer_\d+/add)",
    ),
    openings=("stage4_ir", "stage5_ir"),
)
