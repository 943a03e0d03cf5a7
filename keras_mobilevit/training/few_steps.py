"""Keeps the warm-up and the average of a recipe in proportion to its run.

A recipe counts both in steps, and how many steps a run has depends on the
number of images. Of a run of 150 steps, a warm-up of 50 is a third, and an
average over 100 is to more than a fifth made of the weights before the run.
"""

from __future__ import annotations

import dataclasses
import math
import warnings

from keras_mobilevit.text_formatting import counted
from keras_mobilevit.training.recipe import Recipe

# The largest shares of a run. What is left of the weights before the run is
# exp(-8), 0.03 %, of the average.
SHARE = 1 / 8
# An average over two steps harms no run.
_FEWEST_AVERAGED = 2


def fit_to_steps(recipe: Recipe, steps: int) -> Recipe:
    """Shortens the warm-up and the EMA of a recipe where its run is short.

    Both take at most an eighth of the run. The length of an EMA is the
    number of steps in which the weight of a step falls to 1/e: 100 for a
    momentum of 0.99.

    Args:
        recipe: What to do.
        steps: Steps of the whole run.

    Returns:
        The recipe itself, or one with another `schedule.warmup_steps` or
        `optimizer.ema_momentum`.

    Warns:
        UserWarning: If one is changed.
    """
    longest = steps * SHARE
    schedule, optimizer = recipe.schedule, recipe.optimizer
    changes = []
    # The peak is reached, however short the run.
    warmup = min(max(int(longest), 1), steps - 1)
    if warmup < schedule.warmup_steps:
        changes.append(
            f"`schedule.warmup_steps` {warmup} instead of "
            f"{schedule.warmup_steps}"
        )
        schedule = dataclasses.replace(schedule, warmup_steps=warmup)
    momentum = 1 - 1 / max(longest, _FEWEST_AVERAGED)
    if momentum < optimizer.ema_momentum:
        momentum = math.floor(momentum * 10_000) / 10_000
        changes.append(
            f"`optimizer.ema_momentum` {momentum:g} instead of "
            f"{optimizer.ema_momentum:g}"
        )
        optimizer = dataclasses.replace(optimizer, ema_momentum=momentum)
    if not changes:
        return recipe
    warnings.warn(
        f"The run has {counted(steps, 'step')}, too few for the recipe "
        f"{recipe.name}: it takes {' and '.join(changes)}.",
        stacklevel=3,
    )
    return dataclasses.replace(recipe, schedule=schedule, optimizer=optimizer)
