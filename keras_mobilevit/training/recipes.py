"""Training recipes as data.

A recipe is a runnable record: what it trains, how, and what came out.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Phase:
    """Some epochs at one image side.

    Attributes:
        size: Side of the square input, in pixels.
        epochs: Passes over the training set.
    """

    size: int
    epochs: int


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a training run, but the seed.

    Attributes:
        name: Name on the command line.
        variant: Variant to train (`"mobilevit_xxs"`).
        phases: Image sides in order; one cosine runs over all of them.
        batch_size: Images a step.
        learning_rate: Peak of the schedule.
        warmup_epochs: Epochs of linear warm-up, part of the first phase.
        weight_decay: Decoupled decay (AdamW) of every trainable variable.
        label_smoothing: Mass spread evenly over all classes.
        crop_padding: Pixels of reflected border, before upsampling, out of
            which the random crop is taken.
    """

    name: str
    variant: str
    phases: tuple[Phase, ...]
    batch_size: int
    learning_rate: float
    warmup_epochs: float
    weight_decay: float
    label_smoothing: float
    crop_padding: int

    @property
    def epochs(self) -> int:
        return sum(phase.epochs for phase in self.phases)

    @property
    def size(self) -> int:
        """Side that the finished model is for."""
        return self.phases[-1].size


# The embedded checkpoint. A CIFAR-10 image has 32x32 pixels. At side 96 the
# stages see maps of 48, 24, 12, 6 and 3: attention gets 36, 9 and 4 patches to
# relate, where the image's own side would leave it 4, 1 and 1. A step at 48 or
# 64 costs a quarter or a half of one at 96, so most epochs run there.
CIFAR10 = Recipe(
    name="cifar10",
    variant="mobilevit_xxs",
    phases=(Phase(48, 10), Phase(64, 8), Phase(96, 3)),
    batch_size=128,
    learning_rate=2e-3,
    warmup_epochs=1.0,
    weight_decay=0.05,
    label_smoothing=0.1,
    crop_padding=4,
)

RECIPES = {recipe.name: recipe for recipe in (CIFAR10,)}
