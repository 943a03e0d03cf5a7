"""The batches of a whole run, as one stream that is made ahead."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from keras_mobilevit.training.example_loader import (
    ExampleLoader,
    Examples,
    Inputs,
)
from keras_mobilevit.training.sampler import MultiScaleSampler


class RunInput:
    """What a run sees: each epoch's training batches, then its test batches.

    One stream for all, so that worker processes are started once, and make
    test batches while training ends and training batches while tests end.
    Batches have to be taken in this order.

    Args:
        loader: Makes training batches.
        validation_loader: Makes test batches.
        sampler: Says which images are in which training batch.
        steps: Training batches in each epoch, from 0 on.
        first_epoch: Epoch to begin with.
        first_step: Number of its batches to leave out.
        replicas: Rows of each training batch to load.
        size: `(height, width)` of test images, in pixels.
        batch_size: Test images in a batch.
    """

    def __init__(
        self,
        loader: ExampleLoader,
        validation_loader: ExampleLoader,
        sampler: MultiScaleSampler,
        *,
        steps: Sequence[int],
        first_epoch: int,
        first_step: int,
        replicas: slice,
        size: tuple[int, int],
        batch_size: int,
    ):
        self.loader = loader
        self.validation_loader = validation_loader
        self.test_batches = -(-len(validation_loader.source) // batch_size)
        self._replicas = range(sampler.replicas)[replicas]
        parts = []
        for epoch in range(first_epoch, len(steps)):
            parts += [
                _Part(epoch, True, first_step, steps[epoch] - first_step),
                _Part(epoch, False, 0, self.test_batches),
            ]
            first_step = 0
        make = _Maker(
            loader,
            validation_loader,
            sampler,
            parts,
            replicas,
            (size, batch_size),
        )
        self._parts = iter(parts)
        count = sum(part.count for part in parts)
        self._feed = loader.feed(make, count)

    def training(self, epoch: int) -> Iterator[tuple[Inputs, np.ndarray]]:
        """The training batches of the next epoch, as in `batches`.

        Args:
            epoch: Its number.

        Raises:
            RuntimeError: If it is not the next; if a worker process ended.
            ValueError: As `ExampleLoader.batches` does.
        """
        part = self._next_part(epoch, trains=True)
        steps = range(part.first, part.first + part.count)
        for step, examples in zip(steps, self._take(part), strict=True):
            key = (self.loader.seed, epoch, step)
            yield self.loader.finished(examples, key, self._replicas)

    def validation(self, epoch: int) -> Iterator[tuple[Inputs, np.ndarray]]:
        """The test batches behind them, as in `evaluation_batches`.

        Args:
            epoch: Number of the epoch.

        Raises:
            RuntimeError: If they are not the next; if a worker process ended.
            ValueError: As `ExampleLoader.evaluation_batches` does.
        """
        part = self._next_part(epoch, trains=False)
        yield from self.validation_loader.readable(self._take(part))

    def close(self) -> None:
        """Stops what is made ahead."""
        self._feed.close()

    def _next_part(self, epoch, trains):
        part = next(self._parts, None)
        if part is None or part[:2] != (epoch, trains):
            raise RuntimeError(
                "The batches of a run are taken once and in order. Asked for: "
                f"epoch {epoch}, {'training' if trains else 'validation'}. "
                f"The next: {part}"
            )
        return part

    def _take(self, part):
        return itertools.islice(self._feed, part.count)


class _Part(NamedTuple):
    """Batches of one kind, from number `first` of an epoch on."""

    epoch: int
    trains: bool
    first: int
    count: int


class _Maker:
    """Makes the examples of any batch of a run, perhaps in a worker."""

    def __init__(
        self, loader, validation_loader, sampler, parts, rows, test_shape
    ):
        self._loader = loader
        self._validation_loader = validation_loader
        self._sampler = sampler
        self._parts = parts
        self._rows = rows
        self._test_shape = test_shape
        self._ends = list(itertools.accumulate(part.count for part in parts))
        self._plan = None, ()

    def __call__(self, number: int) -> Examples:
        index = bisect.bisect_right(self._ends, number)
        part = self._parts[index]
        position = part.first + number - (self._ends[index] - part.count)
        if not part.trains:
            return self._validation_loader.make_test(
                *self._test_shape, position
            )
        key = (self._loader.seed, part.epoch, position)
        batch = self._epoch(part.epoch)[position]
        return self._loader.make_training(batch, key, self._rows)

    def _epoch(self, epoch):
        """The plan of an epoch; the last one is kept."""
        # Read and set as one, since threads share it.
        known, plan = self._plan
        if known != epoch:
            plan = self._sampler.epoch(epoch)
            self._plan = epoch, plan
        return plan
