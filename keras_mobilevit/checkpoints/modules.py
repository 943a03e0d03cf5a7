"""The modules of each MobileViT, with their name in every checkpoint format.

A network is the backbone, the same in all of them, and one of the heads.
"""

from __future__ import annotations

from keras_mobilevit.checkpoints.key_map import QKV, Head, KeyMap, Module, Task
from keras_mobilevit.configs import (
    ASPP_RATES,
    NUM_HEADS,
    SSD_LEVELS,
    VARIANTS,
)


def conv_block(kind, keras, cvnets=None, timm=None, hf=None, kecam=None):
    """Yields the modules of a `ConvBlock`, of a kind of convolution."""
    conv = "_dw_conv" if kind == "depthwise" else "_conv"
    for module_kind, *suffixes in (
        (kind, "/conv", ".block.conv", ".conv", ".convolution", conv),
        ("batch_norm", "/norm", ".block.norm", ".bn", ".normalization", "_bn"),
    ):
        names = (
            None if name is None else f"{name}{suffix}"
            for name, suffix in zip(
                (keras, cvnets, timm, hf, kecam), suffixes, strict=True
            )
        )
        yield Module(module_kind, *names)


def inverted_residual(keras, cvnets, timm, hf, kecam):
    """Yields the modules of an `InvertedResidual`."""
    for index, (kind, k, c, t, h) in enumerate(
        (
            ("conv", "expand", "exp_1x1", "conv1_1x1", "expand_1x1"),
            ("depthwise", "depthwise", "conv_3x3", "conv2_kxk", "conv_3x3"),
            ("conv", "reduce", "red_1x1", "conv3_1x1", "reduce_1x1"),
        ),
        start=1,
    ):
        yield from conv_block(
            kind,
            f"{keras}/{k}",
            f"{cvnets}.block.{c}",
            f"{timm}.{t}",
            f"{hf}.{h}",
            f"{kecam}_deep_{index}",
        )


def _transformer(keras, cvnets, timm, hf, kecam):
    def module(kind, k, c, t, h, n):
        return Module(
            kind,
            f"{keras}/{k}",
            f"{cvnets}.pre_norm_{c}",
            f"{timm}.{t}",
            f"{hf}.{h}",
            f"{kecam}_{n}",
        )

    yield module(
        "layer_norm", "norm1", "mha.0", "norm1", "layernorm_before", "attn_ln"
    )
    for part in QKV:
        yield module(
            part,
            f"attention/{part}",
            "mha.1.qkv_proj",
            "attn.qkv",
            f"attention.attention.{part}",
            "attn_mhsa_qkv",
        )
    yield module(
        "attention_output",
        "attention/attention_output",
        "mha.1.out_proj",
        "attn.proj",
        "attention.output.dense",
        "attn_mhsa_output",
    )
    yield module(
        "layer_norm", "norm2", "ffn.0", "norm2", "layernorm_after", "mlp_ln"
    )
    for index, c, h in (
        (1, "ffn.1", "intermediate.dense"),
        (2, "ffn.4", "output.dense"),
    ):
        yield module(
            "dense",
            f"dense{index}",
            c,
            f"mlp.fc{index}",
            h,
            f"mlp_Dense_{index - 1}",
        )


def _mobilevit_block(stage, depth):
    keras, cvnets = f"stage{stage}_block", f"layer_{stage}.1"
    timm, hf = f"stages.{stage - 1}.1", f"mobilevit.encoder.layer.{stage - 1}"
    kecam, last = f"stack{stage}_block2", f"stack{stage}_block{depth + 1}"
    yield from conv_block(
        "conv",
        f"{keras}/local",
        f"{cvnets}.local_rep.conv_3x3",
        f"{timm}.conv_kxk",
        f"{hf}.conv_kxk",
        f"{kecam}_pre_1",
    )
    yield Module(
        "conv",
        f"{keras}/project_in",
        f"{cvnets}.local_rep.conv_1x1.block.conv",
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
        "layer_norm",
        f"{keras}/norm",
        f"{cvnets}.global_rep.{depth}",
        f"{timm}.norm",
        f"{hf}.layernorm",
        f"{last}_post_ln",
    )
    yield from conv_block(
        "conv",
        f"{keras}/project_out",
        f"{cvnets}.conv_proj",
        f"{timm}.conv_proj",
        f"{hf}.conv_projection",
        f"{last}_post_1",
    )
    yield from conv_block(
        "conv",
        f"{keras}/fusion",
        f"{cvnets}.fusion",
        f"{timm}.conv_fusion",
        f"{hf}.fusion",
        f"{last}_post_2",
    )


def _backbone():
    hf = "mobilevit.encoder.layer"
    yield from conv_block(
        "conv", "stem", "conv_1", "stem", "mobilevit.conv_stem", "stem"
    )
    for keras, stage, block in (
        ("stage1_ir", 1, 0),
        ("stage2_ir1", 2, 0),
        ("stage2_ir2", 2, 1),
        ("stage2_ir3", 2, 2),
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
        yield from _mobilevit_block(stage, stage_config.depth)


def _classifier():
    yield from conv_block(
        "conv",
        "head",
        "conv_1x1_exp",
        "final_conv",
        "mobilevit.conv_1x1_exp",
        "features",
    )
    yield Module(
        "dense",
        "predictions",
        "classifier.fc",
        "head.fc",
        "classifier",
        "predictions",
    )


def deeplab(classifier="seg_head.classifier.classifier.block.conv"):
    """Yields the modules of DeepLabv3's head.

    Args:
        classifier: Name of the last one in the authors' checkpoints.
    """
    cvnets, hf = "seg_head.aspp.aspp_layer", "segmentation_head.aspp"
    for keras, c, h in (
        ("pixel", "convs.0", "convs.0"),
        *(
            (f"dilated_{i}", f"convs.{i + 1}", f"convs.{i + 1}")
            for i in range(len(ASPP_RATES))
        ),
        ("pooled", "convs.4.aspp_pool.conv_1x1", "convs.4.conv_1x1"),
        ("project", "project", "project"),
    ):
        yield from conv_block(
            "conv", f"aspp/{keras}", f"{cvnets}.{c}", hf=f"{hf}.{h}"
        )
    yield Module(
        "biased_conv",
        "pixel_predictions",
        classifier,
        hf="segmentation_head.classifier.convolution",
    )


def ssd():
    """Yields the modules of SSDLite's extra levels and heads."""
    for index, level in enumerate(SSD_LEVELS):
        name, extra = f"extra{index}", f"extra_layers.os_{level.stride}"
        if level.stride is None:
            # The first of the two is the pooling.
            conv = "extra_layers.os_-1.1.block.conv"
            yield Module("conv", f"{name}_conv", conv)
        elif level.extra_filters:
            for kind, keras, cvnets in (
                ("depthwise", "depthwise", "dw_conv"),
                ("conv", "pointwise", "pw_conv"),
            ):
                yield from conv_block(
                    kind, f"{name}_{keras}", f"{extra}.{cvnets}"
                )
    for index, level in enumerate(SSD_LEVELS):
        name, head = f"head{index}", f"ssd_heads.{index}"
        predict = f"{head}.loc_cls_layer"
        if level.projection:
            yield from conv_block(
                "conv", f"{name}_project", f"{head}.proj_layer"
            )
        if level.stride is not None:
            yield from conv_block(
                "depthwise", f"{name}_depthwise", f"{predict}.dw_conv"
            )
            predict = f"{predict}.pw_conv"
        yield Module("biased_conv", f"{name}_predict", f"{predict}.block.conv")


def ssd_classes(filters):
    """Each anchor has four offsets and a logit for each class."""
    return filters // SSD_LEVELS[0].anchors - 4


HEADS: dict[Task, Head] = {
    "classification": Head(_classifier, "predictions/bias"),
    "segmentation": Head(
        deeplab, "pixel_predictions/bias", prefixes={"cvnets": "encoder."}
    ),
    "detection": Head(
        ssd,
        "head0_predict/bias",
        count_classes=ssd_classes,
        prefixes={"cvnets": "encoder."},
    ),
}

KEYS = KeyMap(
    backbone=_backbone,
    heads=HEADS,
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
    bgr_layouts=("cvnets", "hf"),
    fused_layouts=("cvnets", "timm", "kecam"),
    num_heads=NUM_HEADS,
)
