"""Batches of a plan, made by threads ahead of their use."""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from keras_mobilevit.images import fit_image
from keras_mobilevit.training.augmentation import (
    changes_batches,
    transform,
    transform_batch,
)
from keras_mobilevit.training.recipe import Augmentation, Evaluation
from keras_mobilevit.training.sampler import Batch
from keras_mobilevit.training.sources import LabelledSource

# Batches in the making while one is in use.
AHEAD = 2
# Images of a task: to hand over a task costs about as much as a tiny image.
CHUNK = 16

_UNREADABLE = -1


class BatchLoader:
    """Opens, transforms and stacks images.

    The pixels of a training image depend on the seed, the epoch, the step and
    its place in the batch alone: not on threads, on where an epoch was
    resumed, or on how many processes share a batch.

    Args:
        source: Labelled images.
        augmentation: What happens to training images.
        evaluation: What happens to test images.
        seed: Seed of the augmentation, at least 0.
        workers: Threads; by default, one for each core.
        teacher: Maps images, as they leave `batches`, to an array `(count,
            classes)` of probabilities.
        teacher_weight: Share of the teacher in the targets, in [0, 1].

    Attributes:
        skipped: Name -> reason, for each image that could not be read.
    """

    def __init__(
        self,
        source: LabelledSource,
        augmentation: Augmentation,
        evaluation: Evaluation,
        *,
        seed: int = 0,
        workers: int | None = None,
        teacher: Callable[[np.ndarray], np.ndarray] | None = None,
        teacher_weight: float = 0.0,
    ):
        self.source = source
        self.augmentation = augmentation
        self.evaluation = evaluation
        self.seed = seed
        self.workers = workers or os.cpu_count() or 1
        self.teacher = teacher
        self.teacher_weight = teacher_weight
        self.skipped: dict[str, str] = {}

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
            targets, float32 `(count, classes)`; row after row.

        Raises:
            ValueError: If no image of a batch can be read, or the teacher
                does not know the same classes.

        Warns:
            UserWarning: Of each image that can not be read, once.
        """
        rows = slice(None) if replicas is None else replicas
        keys = [(self.seed, epoch, i) for i in range(first_step, len(plan))]
        jobs = (self._training_job(plan[key[-1]], key, rows) for key in keys)
        with contextlib.closing(self._run(jobs)) as made:
            for key, (images, labels) in zip(keys, made, strict=True):
                targets = self._one_hot(labels)
                if changes_batches(self.augmentation):
                    numbers = range(len(plan[key[-1]].indices))[rows]
                    self._transform_rows(images, targets, key, numbers)
                if self.teacher is not None:
                    targets = self._taught(images, targets)
                yield images, targets

    def evaluation_batches(
        self, size: tuple[int, int], batch_size: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Makes batches of all images, once and in order.

        An image that can not be read is left out.

        Args:
            size: `(height, width)` in pixels.
            batch_size: Images a batch; the last one may have fewer.

        Yields:
            Images, and one-hot targets, as in `batches`.

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
            for images, labels in made:
                readable = labels != _UNREADABLE
                if not readable.all():
                    images, labels = images[readable], labels[readable]
                if len(images):
                    nothing = False
                    yield images, self._one_hot(labels)
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
        for index in itertools.chain(indices[position:], indices[:position]):
            rng = np.random.default_rng((*key, position))
            try:
                pixels = transform(
                    self.source.open(int(index)),
                    (batch.height, batch.width),
                    self.augmentation,
                    self.evaluation,
                    rng,
                )
            except (OSError, ValueError) as error:
                failures[self.source.names[index]] = str(error)
            else:
                return pixels, self.source.labels[index]
        raise ValueError(
            f"None of the {len(indices)} images of a batch could be read. The "
            f"first: {next(iter(failures.values()))}"
        )

    def _read_test_image(self, size, index, failures):
        try:
            image = fit_image(
                self.source.open(index),
                size,
                self.evaluation.crop_fraction,
                self.evaluation.native_size,
            )
        except (OSError, ValueError) as error:
            failures[self.source.names[index]] = str(error)
            return 0, _UNREADABLE
        return np.asarray(image), self.source.labels[index]

    # === Threads ===

    def _run(self, jobs: Iterable[_Job]):
        """Yields images and labels of the jobs, in order."""
        pool = ThreadPoolExecutor(self.workers)
        waiting = collections.deque()
        try:
            for job in jobs:
                waiting.append(_start(job, pool))
                if len(waiting) > AHEAD:
                    yield self._finish(*waiting.popleft())
            while waiting:
                yield self._finish(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _finish(self, images, labels, tasks):
        for task in tasks:
            for name, reason in task.result().items():
                if name not in self.skipped:
                    self.skipped[name] = reason
                    warnings.warn(f"Skipped {name}: {reason}", stacklevel=4)
        return images, labels

    # === Whole batches ===

    def _one_hot(self, labels):
        targets = np.zeros((len(labels), len(self.source.class_names)), "f4")
        targets[np.arange(len(labels)), labels] = 1
        return targets

    def _transform_rows(self, images, targets, key, replicas):
        """Applies, in place, to each replica's images what mixes images."""
        parts = len(replicas)
        for row_images, row_targets, replica in zip(
            np.split(images, parts),
            np.split(targets, parts),
            replicas,
            strict=True,
        ):
            # One number more than the keys of single images have.
            seed = (*key, replica, 1)
            row_images[...], row_targets[...] = transform_batch(
                row_images, row_targets, self.augmentation, seed
            )

    def _taught(self, images, targets):
        probabilities = np.asarray(self.teacher(images))
        if probabilities.shape != targets.shape:
            raise ValueError(
                f"The teacher must give {targets.shape[1]} probabilities an "
                f"image. Received: an array of shape {probabilities.shape} "
                f"for {len(images)} images"
            )
        weight = np.float32(self.teacher_weight)
        return (1 - weight) * targets + weight * probabilities


class _Job(NamedTuple):
    """Images of one size, and how to read the one at a position.

    `read` takes a position and a dictionary for the names and reasons of
    unreadable images; it returns pixels and a label.
    """

    size: tuple[int, int]
    positions: np.ndarray
    read: Callable[[int, dict[str, str]], tuple[np.ndarray, int]]


def _start(job, pool):
    count = len(job.positions)
    images = np.empty((count, *job.size, 3), np.float32)
    labels = np.empty(count, np.int64)
    chunks = [slice(i, i + CHUNK) for i in range(0, count, CHUNK)]
    tasks = [
        pool.submit(
            _fill, images[chunk], labels[chunk], job.positions[chunk], job.read
        )
        for chunk in chunks
    ]
    return images, labels, tasks


def _fill(images, labels, positions, read):
    failures = {}
    for row, position in enumerate(positions.tolist()):
        images[row], labels[row] = read(position, failures)
    return failures
