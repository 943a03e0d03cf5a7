"""The learning rate of a step: a linear warm-up, then half a cosine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import keras
from keras import ops

from keras_mobilevit.layers.convolution import PACKAGE
from keras_mobilevit.training.sections import Schedule


@keras.saving.register_keras_serializable(package=PACKAGE)
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from step to step, then a cosine.

    As in the code of arXiv 2110.02178: with `per="epoch"` the cosine stays
    the same within an epoch, and counts the epochs of the whole run, those of
    the warm-up too. So it begins a little below the peak, and its last epoch
    is a little above the floor. With `per="step"` it moves from the peak,
    right after the warm-up, to the floor, which the step behind the last one
    would have.

    Args:
        start: Rate of the first step.
        peak: Rate at the end of the warm-up.
        floor: Rate at the end of the cosine.
        warmup_steps: Steps of the warm-up.
        epoch_starts: Number of the first step of each epoch, and at the end
            the number of all steps. Epochs differ in length with a
            multi-scale sampler.
        per: `"epoch"` or `"step"`.
    """

    def __init__(
        self,
        start: float,
        peak: float,
        floor: float,
        warmup_steps: int,
        epoch_starts: Sequence[int],
        per: str = "epoch",
    ):
        super().__init__()
        self.start = start
        self.peak = peak
        self.floor = floor
        self.warmup_steps = warmup_steps
        self.epoch_starts = tuple(epoch_starts)
        self.per = per

    def __call__(self, step):
        # Exact up to 16 million steps.
        step = ops.cast(step, "float32")
        warmup = self.start + (self.peak - self.start) * (
            step / max(self.warmup_steps, 1)
        )
        cosine = self.floor + (self.peak - self.floor) / 2 * (
            1 + ops.cos(math.pi * self._progress(step))
        )
        return ops.where(step < self.warmup_steps, warmup, cosine)

    def _progress(self, step):
        """Share of the cosine that is done, in [0, 1]."""
        total = self.epoch_starts[-1]
        if self.per == "epoch":
            later_starts = ops.convert_to_tensor(
                self.epoch_starts[1:-1], "float32"
            )
            # Not `searchsorted`: with TensorFlow it takes no scalar.
            epoch = ops.sum(ops.cast(step >= later_starts, "float32"))
            return epoch / (len(self.epoch_starts) - 1)
        done = (step - self.warmup_steps) / (total - self.warmup_steps)
        return ops.clip(done, 0.0, 1.0)

    def get_config(self) -> dict:
        return {
            "start": self.start,
            "peak": self.peak,
            "floor": self.floor,
            "warmup_steps": self.warmup_steps,
            "epoch_starts": self.epoch_starts,
            "per": self.per,
        }


def make_schedule(
    schedule: Schedule, epoch_steps: Sequence[int]
) -> WarmupCosine:
    """Makes the schedule of a run out of that of its recipe.

    Args:
        schedule: What the recipe says.
        epoch_steps: Steps of each epoch, as many as `schedule.epochs`.

    Raises:
        ValueError: If the number of epochs differs, an epoch has no step, or
            the warm-up takes all of them.
    """
    epoch_starts = [0, *itertools.accumulate(epoch_steps)]
    total = epoch_starts[-1]
    if len(epoch_steps) != schedule.epochs or min(epoch_steps) < 1:
        raise ValueError(
            "`epoch_steps` must hold a number of at least 1 for each of "
            f"{schedule.epochs} epochs. Received: {len(epoch_steps)} numbers, "
            f"the smallest of them {min(epoch_steps, default=None)}"
        )
    if schedule.warmup_steps >= total:
        raise ValueError(
            "The warm-up leaves no step for the cosine: "
            f"`schedule.warmup_steps` is {schedule.warmup_steps}, and the "
            f"{schedule.epochs} epochs have {total} steps. Give it fewer "
            "steps, or the run more epochs or more images."
        )
    return WarmupCosine(
        schedule.start,
        schedule.peak,
        schedule.floor,
        schedule.warmup_steps,
        epoch_starts,
        schedule.per,
    )
