"""Batches of a plan, made by threads ahead of their use."""

from __future__ import annotations

import abc
import collections
import contextlib
import functools
import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np

from keras_mobilevit.machine import usable_cores
from keras_mobilevit.training.recipe import Augmentation
from keras_mobilevit.training.sampler import Batch

# Batches in the making while one is in use.
AHEAD = 2
# Images of a task: to hand over a task costs about as much as a tiny image.
CHUNK = 16


class Source(Protocol):
    """Images with what is known of them.

    Attributes:
        names: What to call each image in a message.
    """

    names: Sequence[str]

    def __len__(self) -> int: ...


class ExampleLoader(abc.ABC):
    """Opens, transforms and stacks images and their targets.

    The pixels of a training image depend on the seed, the epoch, the step and
    its place in the batch alone: not on threads, on where an epoch was
    resumed, or on how many processes share a batch.

    Args:
        source: Images and what is known of them.
        augmentation: What happens to training images.
        seed: Seed of the augmentation, at least 0.
        workers: Threads; by default, one for each core.

    Attributes:
        skipped: Name -> reason, for each image that could not be read.
    """

    def __init__(
        self,
        source: Source,
        augmentation: Augmentation,
        *,
        seed: int = 0,
        workers: int | None = None,
    ):
        self.source = source
        self.augmentation = augmentation
        self.seed = seed
        self.workers = workers or usable_cores()
        self.skipped: dict[str, str] = {}

    # === What an example is ===

    @abc.abstractmethod
    def training_example(
        self, index: int, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Reads and augments one image.

        Args:
            index: Which one of the source.
            size: `(height, width)` in pixels.
            rng: Source of all randomness.

        Returns:
            Pixels `(*size, 3)` in [0, 255], and the image's target.

        Raises:
            OSError: If the image is not there.
            ValueError: If it can not be used.
        """

    @abc.abstractmethod
    def test_example(
        self, index: int, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Reads one image as it is. Arguments, result, errors: as above."""

    @abc.abstractmethod
    def blank_targets(self, count: int, size: tuple[int, int]) -> np.ndarray:
        """Targets of so many images of a size, float32 and all 0."""

    def finish(
        self,
        images: np.ndarray,
        targets: np.ndarray,
        key: tuple[int, ...],
        replicas: Sequence[int],
    ) -> np.ndarray:
        """Does what concerns whole training batches.

        Args:
            images: All images of a step, which may be changed in place.
            targets: Their targets, which may be changed in place.
            key: Seed, epoch and step.
            replicas: Numbers of the replicas that the rows are for.

        Returns:
            The targets.
        """
        return targets

    # === Batches ===

    def batches(
        self,
        plan: Sequence[Batch],
        *,
        epoch: int,
        first_step: int = 0,
        replicas: slice | None = None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Makes the training batches of one epoch.

        An image that can not be read is replaced by the next one of its
        batch.

        Args:
            plan: All batches of the epoch.
            epoch: Number of the epoch, from 0.
            first_step: Number of batches to leave out.
            replicas: Rows of each batch's indices to load; by default all.

        Yields:
            Images, float32 `(count, height, width, 3)` in [0, 255], and
            targets, float32 `(count, ...)`; row after row.

        Raises:
            ValueError: If no image of a batch can be read.

        Warns:
            UserWarning: Of each image that can not be read, once.
        """
        rows = slice(None) if replicas is None else replicas
        keys = [(self.seed, epoch, i) for i in range(first_step, len(plan))]
        jobs = (self._training_job(plan[key[-1]], key, rows) for key in keys)
        with contextlib.closing(self._run(jobs)) as made:
            for key, stack in zip(keys, made, strict=True):
                numbers = range(len(plan[key[-1]].indices))[rows]
                targets = self.finish(stack.images, stack.targets, key, numbers)
                yield stack.images, targets

    def evaluation_batches(
        self, size: tuple[int, int], batch_size: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Makes batches of all images, once and in order.

        An image that can not be read is left out.

        Args:
            size: `(height, width)` in pixels.
            batch_size: Images a batch; the last one may have fewer.

        Yields:
            Images, and targets, as in `batches`.

        Raises:
            ValueError: If no image can be read.

        Warns:
            UserWarning: Of each image that can not be read, once.
        """
        positions = np.arange(len(self.source))
        read = functools.partial(self._read_test_image, size)
        jobs = (
            _Job(size, positions[start : start + batch_size], read)
            for start in range(0, len(positions), batch_size)
        )
        with contextlib.closing(self._run(jobs)) as made:
            nothing = True
            for images, targets, readable in made:
                if not readable.all():
                    images, targets = images[readable], targets[readable]
                if len(images):
                    nothing = False
                    yield images, targets
        if nothing:
            raise ValueError(
                f"None of the {len(positions)} images could be read. The "
                f"first: {next(iter(self.skipped.values()))}"
            )

    # === Reading ===

    def _training_job(self, batch, key, rows):
        positions = np.arange(batch.indices.size).reshape(batch.indices.shape)
        read = functools.partial(self._read_training_image, batch, key)
        size = (batch.height, batch.width)
        return _Job(size, positions[rows].ravel(), read)

    def _read_training_image(self, batch, key, position, failures):
        indices = batch.indices.ravel()
        size = (batch.height, batch.width)
        for index in itertools.chain(indices[position:], indices[:position]):
            rng = np.random.default_rng((*key, position))
            try:
                return self.training_example(int(index), size, rng)
            except (OSError, ValueError) as error:
                failures[self.source.names[index]] = str(error)
        raise ValueError(
            f"None of the {len(indices)} images of a batch could be read. The "
            f"first: {next(iter(failures.values()))}"
        )

    def _read_test_image(self, size, index, failures):
        try:
            return self.test_example(index, size)
        except (OSError, ValueError) as error:
            failures[self.source.names[index]] = str(error)
            return None

    # === Threads ===

    def _run(self, jobs: Iterable[_Job]) -> Iterator[_Stack]:
        """Yields what the jobs make, in order."""
        pool = ThreadPoolExecutor(self.workers)
        waiting = collections.deque()
        try:
            for job in jobs:
                waiting.append(self._start(job, pool))
                if len(waiting) > AHEAD:
                    yield self._wait(*waiting.popleft())
            while waiting:
                yield self._wait(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _start(self, job, pool):
        count = len(job.positions)
        stack = _Stack(
            np.empty((count, *job.size, 3), np.float32),
            self.blank_targets(count, job.size),
            np.ones(count, bool),
        )
        chunks = [slice(i, i + CHUNK) for i in range(0, count, CHUNK)]
        tasks = [
            pool.submit(
                _fill,
                _Stack(*(array[chunk] for array in stack)),
                job.positions[chunk],
                job.read,
            )
            for chunk in chunks
        ]
        return stack, tasks

    def _wait(self, stack, tasks):
        for task in tasks:
            for name, reason in task.result().items():
                if name not in self.skipped:
                    self.skipped[name] = reason
                    warnings.warn(f"Skipped {name}: {reason}", stacklevel=4)
        return stack


class _Job(NamedTuple):
    """Images of one size, and how to read the one at a position.

    `read` takes a position and a dictionary for the names and reasons of
    unreadable images; it returns pixels and a target, or `None`.
    """

    size: tuple[int, int]
    positions: np.ndarray
    read: Callable[[int, dict[str, str]], tuple[np.ndarray, np.ndarray] | None]


class _Stack(NamedTuple):
    """The images of a job, their targets, and which of them are there."""

    images: np.ndarray
    targets: np.ndarray
    readable: np.ndarray


def _fill(stack, positions, read):
    failures = {}
    for row, position in enumerate(positions.tolist()):
        example = read(position, failures)
        if example is None:
            stack.readable[row] = False
        else:
            stack.images[row], stack.targets[row] = example
    return failures
