"""Batches of a recipe by one number of worker processes after the other."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mobilevit.progress import progress_bar
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.recipe import Recipe
from keras_mobilevit.training.sampler import Batch
from keras_mobilevit.training.sources import LabelledSource, open_source


@dataclasses.dataclass(frozen=True)
class InputRates:
    """What one number of workers makes.

    Attributes:
        workers: Processes; 0 for threads.
        first_seconds: Until the first batch is there, in each round.
        rates: Images per second from then on, in each round.
    """

    workers: int
    first_seconds: np.ndarray
    rates: np.ndarray


@dataclasses.dataclass(frozen=True)
class InputComparison:
    """The input of one recipe.

    Attributes:
        pictures: What it reads.
        recipe: Name of the recipe.
        size: Side of the images, in pixels.
        batch_size: Images in a batch.
        batches: Batches that are timed in a round.
        results: One a number of workers, in order.
    """

    pictures: str
    recipe: str
    size: int
    batch_size: int
    batches: int
    results: tuple[InputRates, ...]


def compare_inputs(
    pictures: str,
    source: Any,
    recipe: Recipe,
    *,
    workers: Sequence[int],
    rounds: int,
    batches: int,
    batch_size: int,
) -> InputComparison:
    """Measures the training batches of a recipe, which nothing else uses.

    Each round takes every number of workers once, in an order of its own. The
    batches that were made while the workers started do not count.

    Args:
        pictures: What to call the source.
        source: As in `open_source`.
        recipe: Of a classifier; its base size is that of all batches.
        workers: Numbers of worker processes.
        rounds: How often.
        batches: Batches in a round.
        batch_size: Images in a batch.
    """
    source = open_source(source)
    rng = np.random.default_rng(0)
    timings = {count: [] for count in workers}
    bar = progress_bar(desc=pictures, total=rounds * len(workers))
    with bar:
        for _ in range(rounds):
            for count in rng.permutation(list(workers)).tolist():
                loader = BatchLoader(
                    source,
                    recipe.augmentation,
                    recipe.evaluation.image_spec(),
                    workers=count,
                )
                plan = _plan(source, recipe, count, batches, batch_size, rng)
                timings[count].append(_measure(loader, plan, batches))
                bar.update()
    results = []
    for count, times in timings.items():
        first_seconds, seconds = np.transpose(times)
        rates = batches * batch_size / seconds
        results.append(InputRates(count, first_seconds, rates))
    return InputComparison(
        pictures,
        recipe.name,
        recipe.sampler.size,
        batch_size,
        batches,
        tuple(results),
    )


def _plan(source: LabelledSource, recipe, workers, batches, batch_size, rng):
    # As many as may be ready by the time that the first one is taken.
    steps = batches + 4 * workers + 3
    size = recipe.sampler.size
    shape = (steps, 1, batch_size)
    return [
        Batch(size, size, indices)
        for indices in rng.integers(len(source), size=shape)
    ]


def _measure(loader, plan, batches):
    """Seconds until the first batch, and those of the last ones."""
    began = time.monotonic()
    with contextlib.closing(loader.batches(plan, epoch=0)) as made:
        next(made)
        first = time.monotonic() - began
        for _ in range(len(plan) - batches - 1):
            next(made)
        began = time.monotonic()
        for _ in made:
            pass
        return first, time.monotonic() - began
