"""The modules of each MobileViTv2, with their name in every checkpoint format.

Channel order: the authors' code reads v2's pictures as RGB (through PIL, since
release 0.2), timm and keras_cv_attention_models feed the same weights RGB and
reach the published accuracy. The preprocessing of Hugging Face's copies flips
to BGR, as for version 1; nothing else says so, and their weights are converted
from the authors' one to one. So all layouts are taken for RGB here, and
`channel_order="bgr"` loads a checkpoint that was fine-tuned on BGR. The folder
of a Hugging Face model says itself what it was fed, and is taken at its word.
"""

from __future__ import annotations

from keras_mobilevit.checkpoints.key_map import Head, KeyMap, Module
from keras_mobilevit.checkpoints.modules import (
    conv_block,
    deeplab,
    inverted_residual,
    ssd,
    ssd_classes,
)
from keras_mobilevit.configs_v2 import VARIANTS


def _transformer(keras, cvnets, timm, hf, kecam):
    for kind, k, c, t, h, n in (
        (
            "group_norm",
            "norm1",
            "attn.0",
            "norm1",
            "layernorm_before",
            "attn_group_norm",
        ),
        (
            "biased_conv",
            "qkv",
            "attn.1.qkv_proj.block.conv",
            "attn.qkv_proj",
            "attention.qkv_proj.convolution",
            "attn_mhsa_qkv_conv",
        ),
        (
            "biased_conv",
            "output",
            "attn.1.out_proj.block.conv",
            "attn.out_proj",
            "attention.out_proj.convolution",
            "attn_mhsa_outputconv",
        ),
        (
            "group_norm",
            "norm2",
            "ffn.0",
            "norm2",
            "layernorm_after",
            "mlp_group_norm",
        ),
        (
            "biased_conv",
            "conv1",
            "ffn.1.block.conv",
            "mlp.fc1",
            "ffn.conv1.convolution",
            "mlp_Conv_0",
        ),
        (
            "biased_conv",
            "conv2",
            "ffn.3.block.conv",
            "mlp.fc2",
            "ffn.conv2.convolution",
            "mlp_Conv_1",
        ),
    ):
        yield Module(
            kind,
            f"{keras}/{k}",
            f"{cvnets}.pre_norm_{c}",
            f"{timm}.{t}",
            f"{hf}.{h}",
            f"{kecam}_{n}",
        )


def _block(stage, depth):
    keras, cvnets = f"stage{stage}_block", f"layer_{stage}.1"
    timm = f"stages.{stage - 1}.1"
    hf = f"mobilevitv2.encoder.layer.{stage - 1}"
    kecam, last = f"stack{stage}_block2", f"stack{stage}_block{depth + 1}"
    yield from conv_block(
        "depthwise",
        f"{keras}/local",
        f"{cvnets}.local_rep.0",
        f"{timm}.conv_kxk",
        f"{hf}.conv_kxk",
        f"{kecam}_pre_1",
    )
    yield Module(
        "conv",
        f"{keras}/project_in",
        f"{cvnets}.local_rep.1.block.conv",
        f"{timm}.conv_1x1",
        f"{hf}.conv_1x1.convolution",
        f"{kecam}_pre_2_conv",
    )
    for index in range(depth):
        yield from _transformer(
            f"{keras}/transformer_{index}",
            f"{cvnets}.global_rep.{index}",
            f"{timm}.transformer.{index}",
            f"{hf}.transformer.layer.{index}",
            f"stack{stage}_block{index + 2}",
        )
    yield Module(
        "group_norm",
        f"{keras}/norm",
        f"{cvnets}.global_rep.{depth}",
        f"{timm}.norm",
        f"{hf}.layernorm",
        f"{last}_post_group_norm",
    )
    yield from conv_block(
        "conv",
        f"{keras}/project_out",
        f"{cvnets}.conv_proj",
        f"{timm}.conv_proj",
        f"{hf}.conv_projection",
        f"{last}_post_1",
    )


def _backbone():
    hf = "mobilevitv2.encoder.layer"
    yield from conv_block(
        "conv", "stem", "conv_1", "stem", "mobilevitv2.conv_stem", "stem"
    )
    for keras, stage, block in (
        ("stage1_ir", 1, 0),
        ("stage2_ir1", 2, 0),
        ("stage2_ir2", 2, 1),
    ):
        yield from inverted_residual(
            keras,
            f"layer_{stage}.{block}",
            f"stages.{stage - 1}.{block}",
            f"{hf}.{stage - 1}.layer.{block}",
            f"stack{stage}_block{block + 1}",
        )
    config = next(iter(VARIANTS.values()))
    for stage, stage_config in enumerate(config.stages, start=3):
        yield from inverted_residual(
            f"stage{stage}_ir",
            f"layer_{stage}.0",
            f"stages.{stage - 1}.0",
            f"{hf}.{stage - 1}.downsampling_layer",
            f"stack{stage}_block1",
        )
        yield from _block(stage, stage_config.depth)


def _classifier():
    yield Module(
        "dense",
        "predictions",
        "classifier.1",
        "head.fc",
        "classifier",
        "predictions",
    )


def _deeplab():
    # So called since release 0.2 of the authors' code.
    return deeplab("seg_head.classifier.block.conv")


KEYS = KeyMap(
    backbone=_backbone,
    heads={
        "classification": Head(_classifier, "predictions/bias"),
        "segmentation": Head(
            _deeplab, "pixel_predictions/bias", prefixes={"cvnets": "encoder."}
        ),
        "detection": Head(
            ssd,
            "head0_predict/bias",
            count_classes=ssd_classes,
            prefixes={"cvnets": "encoder."},
        ),
    },
    layouts=("cvnets", "timm", "hf", "kecam", "keras"),
    saved_layouts=("timm", "hf", "cvnets"),
    # The widths of the tokens.
    variants={
        name: {
            f"stage{index}_block/norm/gamma": stage.projection_dim
            for index, stage in enumerate(config.stages, start=3)
        }
        for name, config in VARIANTS.items()
    },
    kinds={"group_norm": (("gamma", "weight", (0,)), ("beta", "bias", (0,)))},
)
