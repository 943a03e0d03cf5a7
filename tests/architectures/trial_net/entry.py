"""What the package has to know of the trial network."""

import dataclasses

from keras_mobilevit.architectures import Architecture, Source
from keras_mobilevit.configs import WeightsConfig
from keras_mobilevit.model_info import ImageSpec, ModelInfo


@dataclasses.dataclass(frozen=True)
class TrialNetConfig:
    width: int
    depth: int


VARIANTS = {
    "trial_net_s": TrialNetConfig(width=4, depth=1),
    "trial_net_m": TrialNetConfig(width=4, depth=2),
}

TRIAL_NET = Architecture(
    name="trial_net",
    variants=VARIANTS,
    constructors={"classification": "trial_net.network:CONSTRUCTORS"},
    feature_pyramid="trial_net.network:feature_pyramid",
    keys="trial_net.keys:KEYS",
    layers={
        "trial_net.block": ("TrialBlock", "TrialConv"),
        "trial_net.deploy": ("InferenceTrialBlock", "UnitGroupNorm"),
    },
    deploy_forms={
        "trial_net.block:TrialBlock": (
            "trial_net.deploy:InferenceTrialBlock.from_block"
        ),
    },
    weights={
        "classification": {
            "shapes": WeightsConfig(
                variants=("trial_net_s",),
                info=ModelInfo(
                    classes=3,
                    labels=("circle", "square", "triangle"),
                    image=ImageSpec(size=(40, 40), crop_pct=0.9),
                    licence="CC0-1.0",
                    training_data="Shapes",
                ),
            ),
        },
    },
    files={
        "shapes": {
            "trial_net_s": (
                Source(
                    "https://example.com/trial_net_s.safetensors", "authors"
                ),
            ),
        },
    },
    parts=(("stem",), ("stage1",), ("stage2",)),
    float_layers=(r"^(preprocessing|stem)/",),
)
