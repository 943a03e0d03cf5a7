"""Names of the weights in the files of Keras and in those of the authors."""

from typing import NamedTuple

from trial_net.entry import VARIANTS

from keras_mobilevit.checkpoints.key_map import Head, KeyMap


class Module(NamedTuple):
    kind: str
    keras: str
    authors: str


def _backbone():
    # As timm names the stem of MobileViT.
    yield Module("conv", "stem/conv", "stem.conv")
    yield Module("batch_norm", "stem/norm", "stem.bn")
    yield Module("biased_conv", "stage1_conv/conv", "body.0")
    yield Module("biased_conv", "stage2_conv/conv", "body.1")
    for index in range(max(config.depth for config in VARIANTS.values())):
        keras, authors = f"stage2_block{index + 1}", f"attention.{index}"
        yield Module("group_norm", f"{keras}/norm", f"{authors}.norm")
        for name in ("query", "key", "value", "project"):
            yield Module("biased_conv", f"{keras}/{name}", f"{authors}.{name}")


def _classifier():
    yield Module("dense", "predictions", "fc")


KEYS = KeyMap(
    backbone=_backbone,
    heads={"classification": Head(_classifier, "predictions/bias")},
    layouts=("authors", "keras"),
    saved_layouts=("authors",),
    variants={
        name: {
            "stage1_conv/conv/bias": 2 * config.width,
            "stage2_block2/norm/gamma": (
                4 * config.width if config.depth > 1 else None
            ),
        }
        for name, config in VARIANTS.items()
    },
    bgr_layouts=("authors",),
    kinds={"group_norm": (("gamma", "weight", (0,)), ("beta", "bias", (0,)))},
)
