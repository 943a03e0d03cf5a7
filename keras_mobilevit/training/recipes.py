"""Training recipes as data.

A recipe is a runnable record: what it trains, how, and what came out.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Cosine:
    """Learning rate: linear warm-up, then a cosine to a hundredth of the peak.

    Attributes:
        peak: Learning rate at the end of the warm-up.
        warmup_epochs: Epochs of the warm-up.
        epochs: Epochs of the whole schedule, warm-up included.
    """

    peak: float
    warmup_epochs: float
    epochs: int


@dataclasses.dataclass(frozen=True)
class Phase:
    """Some epochs at one image side.

    Attributes:
        size: Side of the square input, in pixels.
        epochs: Passes over the training set.
        schedule: Learning rate. Phases with an equal schedule share it, each
            going on where the one before it stopped; another one begins
            anew, with a fresh optimizer.
        crop_padding: Pixels of reflected border, before upsampling, out of
            which the random crop is taken; 0 for no crop.
    """

    size: int
    epochs: int
    schedule: Cosine
    crop_padding: int


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a training run, but the seed.

    Attributes:
        name: Name on the command line.
        variant: Variant to train (`"mobilevit_xxs"`).
        phases: Image sides in order.
        batch_size: Images a step.
        weight_decay: Decoupled decay (AdamW) of every trainable variable.
        label_smoothing: Mass spread evenly over all classes.
    """

    name: str
    variant: str
    phases: tuple[Phase, ...]
    batch_size: int
    weight_decay: float
    label_smoothing: float

    @property
    def size(self) -> int:
        """Side that the finished model is for."""
        return self.phases[-1].size


# The embedded checkpoint. A CIFAR-10 image has 32x32 pixels. At side 96 the
# stages see maps of 48, 24, 12, 6 and 3: attention gets 36, 9 and 4 patches to
# relate, where the image's own side would leave it 4, 1 and 1. A step at 48 or
# 64 costs a quarter or a half of one at 96, so most epochs run there. The
# change to 96 loses two points at first, and wants a rate that can win them
# back: what was left of the first cosine could not.
_COARSE = Cosine(peak=2e-3, warmup_epochs=1, epochs=21)
_FINE = Cosine(peak=6e-4, warmup_epochs=0.1, epochs=3)
_LAST = Cosine(peak=2e-4, warmup_epochs=0.05, epochs=1)
# Whole images, as at test time.
_WHOLE = Cosine(peak=4e-4, warmup_epochs=0.05, epochs=1)
CIFAR10 = Recipe(
    name="cifar10",
    variant="mobilevit_xxs",
    phases=(
        Phase(48, 10, _COARSE, crop_padding=4),
        Phase(64, 8, _COARSE, crop_padding=4),
        Phase(96, 3, _FINE, crop_padding=4),
        Phase(96, 1, _LAST, crop_padding=4),
        Phase(96, 1, _WHOLE, crop_padding=0),
    ),
    batch_size=128,
    weight_decay=0.05,
    label_smoothing=0.1,
)

RECIPES = {recipe.name: recipe for recipe in (CIFAR10,)}
