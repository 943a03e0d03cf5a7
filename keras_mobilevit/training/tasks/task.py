"""The interface of a task: data, network, loss and metrics of a run."""

from __future__ import annotations

import abc
import os
import pathlib
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_mobilevit.architectures import architecture_of
from keras_mobilevit.model_info import ModelInfo, OutputSpec
from keras_mobilevit.training.example_loader import ExampleLoader
from keras_mobilevit.training.recipe import Recipe


class Task(abc.ABC):
    """Data, network, loss and metrics of a run.

    Args:
        recipe: What to do.
        labels: Class names in the order of the outputs.
        loader: Makes training batches.
        validation_loader: Makes validation batches.

    Attributes:
        figure_of_merit: Name of the figure that is plotted beside the loss.

    Example:
        >>> from keras_mobilevit.training import tasks
        >>> from keras_mobilevit.training.recipe import load_recipe
        >>> recipe = load_recipe("finetune")
        >>> task = tasks.TASKS[recipe.task].open(recipe, "photos", "photos")
        >>> isinstance(task, tasks.Task), task.info().labels
        (True, ('cat', 'dog'))
    """

    figure_of_merit: ClassVar[str]

    def __init__(
        self,
        recipe: Recipe,
        labels: Sequence[str],
        loader: ExampleLoader,
        validation_loader: ExampleLoader,
    ):
        self.recipe = recipe
        self.labels = tuple(labels)
        self.loader = loader
        self.validation_loader = validation_loader

    @classmethod
    @abc.abstractmethod
    def open(
        cls,
        recipe: Recipe,
        train: Any,
        test: Any,
        *,
        seed: int = 0,
        workers: int = 0,
    ) -> Task:
        """Opens the data of a run.

        Args:
            recipe: What to do.
            train: Training images, in the forms that the task describes.
            test: Test images, in the same forms.
            seed: Seed of the augmentation.
            workers: Processes that prepare pictures; 0 for threads.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If a source does not fit the recipe, or the other one.
        """

    @staticmethod
    @abc.abstractmethod
    def find_splits(folder: pathlib.Path) -> tuple[Any, Any]:
        """What a folder of both kinds of pictures holds, for `open`.

        Raises:
            FileNotFoundError: If it holds nothing of the kind.
        """

    @staticmethod
    @abc.abstractmethod
    def join(pictures: str, annotations: str | None) -> Any:
        """A source for `open`, of what the command line has.

        Args:
            pictures: Path of the pictures.
            annotations: Path of what is known of them, or `None`.

        Raises:
            ValueError: If the task needs the other one, or has none.
        """

    @abc.abstractmethod
    def build_model(self) -> keras.Model:
        """The model to train, with the weights that it begins from."""

    def training_model(self, network: keras.Model) -> keras.Model:
        """The model that takes the batches of the loader; to be called once.

        Args:
            network: From `build_model`.

        Returns:
            The network itself, or a model with the network in it.
        """
        return network

    @abc.abstractmethod
    def loss(self) -> keras.losses.Loss:
        """The loss to compile the model with."""

    def metrics(self) -> list[keras.metrics.Metric]:
        """What to compile the model with to be measured at each batch."""
        return []

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What measures a whole epoch, in runs of one process."""
        return []

    def info(self) -> ModelInfo:
        """What the weights file says of itself."""
        task = self.recipe.task
        labels, output = self.labels, OutputSpec()
        if task == "detection":
            # The first is the background.
            labels = labels[1:]
            output = OutputSpec(kind="anchors", label_offset=1)
        elif task == "segmentation":
            output = OutputSpec(stride=self.recipe.segmentation.output_stride)
        return ModelInfo(
            architecture=architecture_of(self.recipe.variant).name,
            variant=self.recipe.variant,
            task=task,
            labels=labels,
            classes=len(labels),
            image=self.recipe.evaluation.image_spec(
                "center" if task == "classification" else "squash"
            ),
            output=output,
        )


def unpack(source: Any, kind: type) -> Any:
    """A source as the named tuple that a task expects.

    Raises:
        ValueError: If it is something else than a tuple.
    """
    if not isinstance(source, tuple):
        raise ValueError(
            f"Expected {kind.__name__}({', '.join(kind._fields)}). Received: "
            f"{source!r}"
        )
    return kind(*source)


def first_that_exists(
    folder: pathlib.Path, candidates: Sequence[tuple[str | os.PathLike, ...]]
) -> tuple[pathlib.Path, ...]:
    """The first of several groups of paths that are all in a folder.

    Args:
        folder: Where to look.
        candidates: Paths relative to it.

    Raises:
        FileNotFoundError: If none is complete.
    """
    for paths in candidates:
        if all((folder / path).exists() for path in paths):
            return tuple(folder / path for path in paths)
    expected = " or ".join(", ".join(map(str, c)) for c in candidates)
    raise FileNotFoundError(f"Expected in {folder}: {expected}.")
