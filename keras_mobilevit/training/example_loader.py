"""Batches of a plan, made ahead of their use."""

from __future__ import annotations

import abc
import functools
import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from keras_mobilevit.training.feed import Feed
from keras_mobilevit.training.recipe import Augmentation
from keras_mobilevit.training.sampler import Batch

# Of one image, or of all images of a batch: pixels, or arrays by name.
Inputs: TypeAlias = np.ndarray | dict[str, np.ndarray]


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
    its place in the batch alone: not on workers, on where an epoch was
    resumed, or on how many processes share a batch.

    Worker processes get a copy, so what does not fit into a pickle or takes
    much memory has to be left out by `__getstate__`, unless they need it.

    Args:
        source: Images and what is known of them.
        augmentation: What happens to training images.
        seed: Seed of the augmentation, at least 0.
        workers: Processes that read images; 0 for threads of this one.

    Attributes:
        skipped: Name -> reason, for each image that could not be read.
    """

    def __init__(
        self,
        source: Source,
        augmentation: Augmentation,
        *,
        seed: int = 0,
        workers: int = 0,
    ):
        self.source = source
        self.augmentation = augmentation
        self.seed = seed
        self.workers = workers
        self.skipped: dict[str, str] = {}

    # === What an example is ===

    @abc.abstractmethod
    def training_example(
        self, index: int, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[Inputs, np.ndarray]:
        """Reads and augments one image.

        Args:
            index: Which one of the source.
            size: `(height, width)` in pixels.
            rng: Source of all randomness.

        Returns:
            Pixels, uint8 `(*size, 3)`, or a dict of arrays whose shapes are
            the same for all images of a size; and the image's target.

        Raises:
            OSError: If the image is not there.
            ValueError: If it can not be used.
        """

    @abc.abstractmethod
    def test_example(
        self, index: int, size: tuple[int, int]
    ) -> tuple[Inputs, np.ndarray]:
        """Reads one image as it is. Arguments, result, errors: as above."""

    @abc.abstractmethod
    def blank_targets(self, count: int, size: tuple[int, int]) -> np.ndarray:
        """Targets of so many images of a size, float32 and all 0."""

    def blank_inputs(self, count: int, size: tuple[int, int]) -> Inputs:
        """What `batches` makes of so many images of a size, but all 0."""
        return np.zeros((count, *size, 3), np.float32)

    def finish(
        self,
        inputs: Inputs,
        targets: np.ndarray,
        key: tuple[int, ...],
        replicas: Sequence[int],
    ) -> np.ndarray:
        """Does what concerns whole training batches, in the main process.

        Args:
            inputs: All images of a step, which may be changed in place.
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
    ) -> Iterator[tuple[Inputs, np.ndarray]]:
        """Makes the training batches of one epoch.

        An image that can not be read is replaced by the next one of its
        batch.

        Args:
            plan: All batches of the epoch.
            epoch: Number of the epoch, from 0.
            first_step: Number of batches to leave out.
            replicas: Rows of each batch's indices to load; by default all.

        Yields:
            Images, float32 `(count, height, width, 3)` in [0, 255], or what
            else a loader makes of them; and targets, float32 `(count, ...)`;
            row after row.

        Raises:
            ValueError: If no image of a batch can be read; if the data set
                can not be sent to workers.
            RuntimeError: If a worker process ended.

        Warns:
            UserWarning: Of each image that can not be read, once.
        """
        rows = replicas or slice(None)
        keys = [(self.seed, epoch, i) for i in range(first_step, len(plan))]
        make = functools.partial(
            _make_training, self, plan[first_step:], keys, rows
        )
        with self.feed(make, len(keys)) as made:
            for key, examples in zip(keys, made, strict=True):
                numbers = range(len(plan[key[-1]].indices))[rows]
                yield self.finished(examples, key, numbers)

    def evaluation_batches(
        self, size: tuple[int, int], batch_size: int
    ) -> Iterator[tuple[Inputs, np.ndarray]]:
        """Makes batches of all images, once and in order.

        An image that can not be read is left out.

        Args:
            size: `(height, width)` in pixels.
            batch_size: Images a batch; the last one may have fewer.

        Yields:
            Images, and targets, as in `batches`.

        Raises:
            ValueError: If no image can be read; if the data set can not be
                sent to workers.
            RuntimeError: If a worker process ended.

        Warns:
            UserWarning: Of each image that can not be read, once.
        """
        make = functools.partial(self.make_test, size, batch_size)
        with self.feed(make, -(-len(self.source) // batch_size)) as made:
            yield from self.readable(made)

    # === What batches are made of ===

    def feed(self, make: Callable[[int], Examples], count: int) -> Feed:
        """Makes examples ahead of their use.

        Args:
            make: Makes those of one batch, by `make_training` or `make_test`.
            count: Number of batches.
        """
        return Feed(make, count, workers=self.workers, unpack=_unpack)

    def make_training(
        self, batch: Batch, key: tuple[int, ...], rows: slice
    ) -> Examples:
        """Reads the images of a training batch, perhaps in a worker process.

        Args:
            batch: Which ones.
            key: Seed, epoch and step.
            rows: Rows of the batch's indices to load.

        Raises:
            ValueError: If none can be read.
        """
        positions = np.arange(batch.indices.size).reshape(batch.indices.shape)
        failures = {}
        examples = [
            self._read_training_image(batch, key, position, failures)
            for position in positions[rows].ravel().tolist()
        ]
        return _stack(examples, failures)

    def make_test(
        self, size: tuple[int, int], batch_size: int, number: int
    ) -> Examples:
        """Reads the images of a test batch, perhaps in a worker process.

        Args:
            size: `(height, width)` in pixels.
            batch_size: Images a batch.
            number: Which batch.
        """
        start = number * batch_size
        failures = {}
        examples = []
        for index in range(start, min(start + batch_size, len(self.source))):
            try:
                examples.append(self.test_example(index, size))
            except (OSError, ValueError) as error:
                failures[self.source.names[index]] = str(error)
        return _stack(examples, failures)

    def finished(
        self, examples: Examples, key: tuple[int, ...], replicas: Sequence[int]
    ) -> tuple[Inputs, np.ndarray]:
        """Makes a training batch of what `make_training` returned.

        Args:
            examples: From the feed.
            key: Seed, epoch and step.
            replicas: Numbers of the replicas that the rows are for.

        Warns:
            UserWarning: Of each image that could not be read, once.
        """
        self._report(examples.failures)
        targets = self.finish(examples.inputs, examples.targets, key, replicas)
        return examples.inputs, targets

    def readable(
        self, made: Iterable[Examples]
    ) -> Iterator[tuple[Inputs, np.ndarray]]:
        """Makes test batches of what `make_test` returned.

        Args:
            made: All of a data set, from the feed.

        Raises:
            ValueError: If no image could be read.

        Warns:
            UserWarning: Of each image that could not be read, once.
        """
        nothing = True
        for examples in made:
            self._report(examples.failures)
            if examples.inputs is not None:
                nothing = False
                yield examples.inputs, examples.targets
        if nothing:
            raise ValueError(
                f"None of the {len(self.source)} images could be read. The "
                f"first: {next(iter(self.skipped.values()))}"
            )

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

    def _report(self, failures):
        for name, reason in failures:
            if name not in self.skipped:
                self.skipped[name] = reason
                warnings.warn(f"Skipped {name}: {reason}", stacklevel=4)


class Examples(NamedTuple):
    """The examples of a batch.

    Attributes:
        inputs: As in `ExampleLoader.training_example`, stacked; `None` if
            there are none.
        targets: The same of targets.
        failures: Names and reasons of images that could not be read.
    """

    inputs: Inputs | None
    targets: np.ndarray | None
    failures: list[tuple[str, str]]


def _make_training(loader, plan, keys, rows, number):
    return loader.make_training(plan[number], keys[number], rows)


def _stack(examples, failures):
    failures = list(failures.items())
    if not examples:
        return Examples(None, None, failures)
    inputs, targets = zip(*examples, strict=True)
    if isinstance(inputs[0], dict):
        inputs = {
            name: np.stack([x[name] for x in inputs]) for name in inputs[0]
        }
    else:
        inputs = np.stack(inputs)
    return Examples(inputs, np.stack(targets), failures)


def _unpack(examples):
    """Copies of their own, in which bytes have become floats."""
    if examples.inputs is None:
        return examples
    if isinstance(examples.inputs, dict):
        inputs = {name: _copy(x) for name, x in examples.inputs.items()}
    else:
        inputs = _copy(examples.inputs)
    targets = np.array(examples.targets, np.float32)
    return Examples(inputs, targets, examples.failures)


def _copy(array):
    return np.array(array, np.float32 if array.dtype == np.uint8 else None)
