"""What the input costs a training step: resident images, opened ones, none.

All three train the same kind of network by the same recipe. A block is a few
steps from the start of the input on, so that what is made ahead of its use
hides no more than it does in a run; blocks of the three take turns.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
from tqdm import tqdm

from keras_mobilevit.markdown_tables import markdown_table
from keras_mobilevit.training.recipe import Recipe
from keras_mobilevit.training.sampler import MultiScaleSampler, Scale
from keras_mobilevit.training.tasks import Classification
from training_benchmarks.step_tables import spread

INPUTS = ("synthetic", "resident", "opened")


@dataclasses.dataclass(frozen=True)
class InputTimes:
    """Training steps with one kind of input.

    Attributes:
        name: One of `INPUTS`.
        rates: Images per second of each block, `(rounds,)`.
        processor: Seconds of processor time for an image in each block,
            `(rounds,)`, of all threads of this process; less disturbed by
            others than the rate.
    """

    name: str
    rates: np.ndarray
    processor: np.ndarray


def time_inputs(
    recipe: Recipe,
    *,
    size: int,
    batch_size: int,
    picture: tuple[int, int],
    images: int = 2000,
    steps: int = 10,
    rounds: int = 10,
    workers: int = 0,
    jit_compile: bool | str = "auto",
) -> list[InputTimes]:
    """Times blocks of training steps, one of each kind of input a round.

    `"synthetic"` is one batch that lies on the device, `"resident"` and
    `"opened"` are a recipe with and without `input.resident`.

    Args:
        recipe: What to train, and what happens to its images.
        size: Side of the training images, in pixels.
        batch_size: Images in a step.
        picture: `(height, width)` of the pictures, of random patches, in
            memory.
        images: Number of the pictures.
        steps: Steps in a block.
        rounds: Timed blocks of each kind, after one that is not.
        workers: Processes that prepare opened images; 0 for threads.
        jit_compile: As `keras.Model.compile` takes it.

    Raises:
        ValueError: If the recipe does not go with resident images.
    """
    pictures = make_pictures(images, picture)
    blocks = {
        name: _make_block(
            name,
            recipe,
            pictures,
            Scale(size, size, batch_size),
            workers,
            jit_compile,
        )
        for name in INPUTS
    }
    rng = np.random.default_rng(0)
    rates = {name: [] for name in INPUTS}
    processor = {name: [] for name in INPUTS}
    for number in tqdm(range(rounds + 1), desc="timing", disable=None):
        for name in rng.permutation(INPUTS):
            start, used = time.perf_counter(), time.process_time()
            blocks[name](number, steps)
            seconds = time.perf_counter() - start
            used = time.process_time() - used
            if number:  # The first one traces and compiles.
                rates[name].append(steps * batch_size / seconds)
                processor[name].append(used / (steps * batch_size))
    return [
        InputTimes(name, np.array(rates[name]), np.array(processor[name]))
        for name in INPUTS
    ]


def make_pictures(
    count: int, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of patches of random colours, and labels of ten classes."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 5, 5, 3), np.uint8)
    rows = np.arange(shape[0]) * 5 // shape[0]
    columns = np.arange(shape[1]) * 5 // shape[1]
    return coarse[:, rows][:, :, columns], np.arange(count) % 10


def _make_block(name, recipe, pictures, scale, workers, jit_compile):
    """A function of an epoch and a number of steps, which trains so many."""
    recipe = dataclasses.replace(
        recipe,
        input=dataclasses.replace(recipe.input, resident=name == "resident"),
    )
    task = Classification.open(recipe, pictures, pictures, workers=workers)
    keras.utils.set_random_seed(0)
    model = task.training_model(task.build_model())
    model.compile(
        keras.optimizers.AdamW(1e-3), task.loss(), jit_compile=jit_compile
    )
    sampler = MultiScaleSampler(len(task.loader.source), [scale])

    def batches(epoch: int, steps: int) -> Iterator:
        plan = sampler.epoch(epoch)
        return task.loader.batches((plan * steps)[:steps], epoch=epoch)

    if name == "synthetic":
        batch = keras.tree.map_structure(
            keras.ops.convert_to_tensor, next(batches(0, 1))
        )

        def batches(epoch: int, steps: int) -> Iterator:
            return iter([batch] * steps)

    return _train(model, batches)


def _train(model, batches: Callable) -> Callable:
    def block(epoch, steps):
        for inputs, targets in batches(epoch, steps):
            loss = model.train_on_batch(inputs, targets)
        # Some backends have not computed it before.
        float(loss)

    return block


def to_table(results: Sequence[InputTimes]) -> str:
    """Rates, those of a round as shares of the first kind's, processor time.

    Args:
        results: From `time_inputs`.

    Returns:
        A Markdown table with a row a kind.
    """
    rows = [
        (
            result.name,
            spread(result.rates, ".1f"),
            spread(100 * result.rates / results[0].rates, ".1f"),
            f"{1000 * np.median(result.processor):.2f}",
        )
        for result in results
    ]
    columns = (
        *("input", "images/s (p5 - p95)", "% of synthetic (p5 - p95)"),
        "processor ms an image",
    )
    return markdown_table(columns, rows)
