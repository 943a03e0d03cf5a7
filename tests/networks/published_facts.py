"""What is published of the networks, and how to count it."""

import numpy as np

LAST_DIMS = {"mobilevit_xxs": 320, "mobilevit_xs": 384, "mobilevit_s": 640}
# Channels of P1 ... P5.
CHANNELS = {
    "mobilevit_xxs": (16, 24, 48, 64, 80),
    "mobilevit_xs": (32, 48, 64, 80, 96),
    "mobilevit_s": (32, 64, 96, 128, 160),
}

# Measured on the authors' code: trainable parameters, then the moving means
# and variances of the batch normalizations.
TOP = {
    "mobilevit_xxs": (1_272_024, 4_112),
    "mobilevit_xs": (2_317_848, 8_448),
    "mobilevit_s": (5_578_632, 12_256),
}
NOTOP = {
    "mobilevit_xxs": 951_024,
    "mobilevit_xs": 1_932_848,
    "mobilevit_s": 4_937_632,
}
BACKBONE = {
    "mobilevit_xxs": (924_784, 3_472),
    "mobilevit_xs": (1_895_216, 7_680),
    "mobilevit_s": (4_833_952, 10_976),
}
# In percent: top-1 on the validation images of ImageNet and mAP on val2017 of
# COCO, by the README of the published weights. The paper, which is of other
# runs, has none for XXS.
TOP1 = {"mobilevit_xxs": 69.0, "mobilevit_xs": 74.7, "mobilevit_s": 78.3}
TOP1_OF_THE_PAPER = {"mobilevit_xs": 74.8, "mobilevit_s": 78.4}
MAP = {"mobilevit_xxs": 19.9, "mobilevit_xs": 24.8, "mobilevit_s": 27.9}
MAP_OF_THE_PAPER = {"mobilevit_xs": 24.8, "mobilevit_s": 27.7}
STAGE_NAMES = (
    "stem",
    "stage1_ir",
    "stage2_ir",
    "stage3_ir",
    "stage3_block",
    "stage4_ir",
    "stage4_block",
    "stage5_ir",
    "stage5_block",
    "head",
    "predictions",
)
STAGES = {
    "mobilevit_xxs": (
        464,
        1_472,
        7_696,
        *(4_176, 135_712),
        *(12_128, 329_696),
        *(20_256, 413_184),
        26_240,
        321_000,
    ),
    "mobilevit_xs": (
        464,
        3_968,
        54_048,
        *(24_128, 273_024),
        *(40_352, 658_800),
        *(60_672, 779_760),
        37_632,
        385_000,
    ),
    "mobilevit_s": (
        464,
        3_968,
        86_528,
        *(44_480, 612_288),
        *(91_264, 1_680_768),
        *(154_432, 2_159_760),
        103_680,
        641_000,
    ),
}


def counts(model):
    def total(weights):
        return sum(int(np.prod(w.shape)) for w in weights)

    return total(model.trainable_weights), total(model.non_trainable_weights)
