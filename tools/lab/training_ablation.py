"""What each part of a recipe is worth: the same budget with and without it."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.markdown_tables import markdown_table
from keras_mobilevit.named_models import open_model
from keras_mobilevit.png_figures import png_figure
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.recipe import Recipe, load_recipe
from keras_mobilevit.training.run import run_recipe
from keras_mobilevit.training.run_folder import RunFolder
from keras_mobilevit.training.sampler import MultiScaleSampler, make_scales
from keras_mobilevit.training.sources import LabelledSource, open_source

# Changes to a recipe that has everything, as in Figure 10 and in the text of
# Section C of arXiv 2110.02178. The standard sampler gets the batch that the
# other has at its base size.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "multi-scale, smoothing, EMA": {},
    "standard, smoothing, EMA": {"sampler.mode": "standard"},
    "multi-scale, smoothing": {"optimizer.ema_momentum": "0"},
    "multi-scale": {
        "optimizer.ema_momentum": "0",
        "optimizer.label_smoothing": "0",
    },
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came out of one variant.

    Attributes:
        name: Name of the variant.
        steps: Optimizer steps.
        seconds: Time in training steps, without tests, and without those
            of an epoch that came before it was cut off.
        accuracies: Side of the test images -> top-1 in [0, 1].
    """

    name: str
    steps: int
    seconds: float
    accuracies: dict[int, float]


def run_variant(
    name: str,
    recipe: str,
    overrides: Mapping[str, str],
    train: Any,
    test: Any,
    run_dir: str | os.PathLike,
    *,
    sizes: Sequence[int],
    train_images: int | None = None,
    seed: int = 0,
) -> Outcome:
    """Trains one of `VARIANTS` and tests it at several sizes.

    Args:
        name: Name of the variant.
        recipe: Recipe with everything switched on, as for `load_recipe`.
        overrides: Changes that all variants share, as for `load_recipe`.
        train: Training images, as for `run_recipe`.
        test: Test images, as for `run_recipe`.
        run_dir: Folder of the run. A finished one is not run again.
        sizes: Sides of the test images, in pixels.
        train_images: Train on only this many, evenly spread.
        seed: As in `run_recipe`.

    Raises:
        ValueError: If there is no such variant; else as `run_recipe`.
    """
    if name not in VARIANTS:
        raise ValueError(
            f"`name` must be one of {list(VARIANTS)}. Received: {name}"
        )
    outcome = pathlib.Path(run_dir) / "outcome.json"
    if outcome.is_file():
        fields = json.loads(outcome.read_text())
        accuracies = {int(k): v for k, v in fields.pop("accuracies").items()}
        return Outcome(**fields, accuracies=accuracies)
    train_source = open_source(train)
    if train_images is not None:
        train_source = train_source.take_evenly(train_images)
    test_source = open_source(test, train_source.class_names)
    changes = {**overrides, **VARIANTS[name]}
    if "sampler.mode" in VARIANTS[name]:
        changes["sampler.batch_size"] = str(_base_batch(recipe, overrides))
    loaded = load_recipe(recipe, changes)
    weights = run_recipe(loaded, train_source, test_source, run_dir, seed=seed)
    with RunFolder(run_dir).metrics.open(newline="") as file:
        rows = list(csv.DictReader(file))
    result = Outcome(
        name,
        steps=_count_steps(loaded, len(train_source), seed),
        seconds=sum(float(row["train_seconds"]) for row in rows),
        accuracies={
            size: _accuracy(weights, test_source, loaded, size)
            for size in sizes
        },
    )
    atomic_write(outcome, json.dumps(dataclasses.asdict(result)).encode())
    return result


def _count_steps(recipe, images, seed):
    # Not from the metrics, where an epoch that was resumed counts what was
    # left of it.
    sampler = MultiScaleSampler(
        images, make_scales(**vars(recipe.sampler)), seed=seed
    )
    epochs = range(recipe.schedule.epochs)
    return sum(len(sampler.batch_sizes(epoch)) for epoch in epochs)


def _base_batch(recipe, overrides):
    """Batch of the multi-scale sampler at its base size."""
    sampler = load_recipe(recipe, overrides).sampler
    scales = make_scales(**vars(sampler))
    return next(s.batch_size for s in scales if s.height == sampler.size)


def _accuracy(
    weights: pathlib.Path, source: LabelledSource, recipe: Recipe, size: int
) -> float:
    model = open_model(None, weights, size=(size, size)).model
    image = recipe.evaluation.image_spec()
    loader = BatchLoader(source, recipe.augmentation, image)
    right = count = 0
    for images, targets in loader.evaluation_batches((size, size), 100):
        predicted = model.predict_on_batch(images).argmax(1)
        right += int(np.sum(predicted == targets.argmax(1)))
        count += len(targets)
    return right / count


def outcome_table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table, a row each."""
    sizes = list(outcomes[0].accuracies)
    return markdown_table(
        ("variant", "steps", "seconds", *(f"{s} px" for s in sizes)),
        [
            (
                outcome.name,
                f"{outcome.steps:,}",
                f"{outcome.seconds:.0f}",
                *(f"{100 * outcome.accuracies[s]:.2f} %" for s in sizes),
            )
            for outcome in outcomes
        ],
    )


def plot_outcomes(outcomes: Sequence[Outcome], path: str | os.PathLike) -> None:
    """Draws accuracy over the side of the test images, a line a variant.

    Args:
        outcomes: What to draw.
        path: PNG file to write.

    Raises:
        ImportError: If Matplotlib is missing.
    """
    with png_figure(path, (6, 3.6), extra="train") as figure:
        axes = figure.subplots()
        for outcome in outcomes:
            values = [100 * value for value in outcome.accuracies.values()]
            axes.plot(
                list(outcome.accuracies), values, "o-", label=outcome.name
            )
        axes.set(xlabel="side of the test images, pixels", ylabel="top-1, %")
        axes.legend(frameon=False)
