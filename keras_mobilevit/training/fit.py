"""Runs a recipe, phase after phase, and picks up where a run was cut off."""

from __future__ import annotations

import math
import os
import pathlib
import sys

import keras

from keras_mobilevit.checkpoints import save_compact
from keras_mobilevit.mobilevit import CONSTRUCTORS
from keras_mobilevit.training.data import (
    LabelledImages,
    evaluation_set,
    load_images,
    training_set,
)
from keras_mobilevit.training.recipes import Recipe


@keras.saving.register_keras_serializable(package="keras_mobilevit")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to the peak, then a cosine down to a hundredth of it.

    Source: Section 4.1 of arXiv 2110.02178, which also warms up and then
    follows a cosine; its floor is a tenth, for runs of 300 epochs.

    Args:
        peak: Learning rate at the end of the warm-up.
        warmup_steps: Steps of the warm-up.
        total_steps: Steps of the whole run, warm-up included.
    """

    def __init__(self, peak: float, warmup_steps: int, total_steps: int):
        super().__init__()
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        warmup = self.peak * (step + 1) / max(self.warmup_steps, 1)
        span = max(self.total_steps - self.warmup_steps, 1)
        done = keras.ops.clip((step - self.warmup_steps) / span, 0.0, 1.0)
        floor = self.peak / 100
        cosine = floor + (self.peak - floor) * 0.5 * (
            1 + keras.ops.cos(math.pi * done)
        )
        return keras.ops.minimum(warmup, cosine)

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }


def run_recipe(
    recipe: Recipe,
    train_source: str | os.PathLike,
    test_source: str | os.PathLike,
    run_dir: str | os.PathLike,
    *,
    seed: int = 0,
) -> pathlib.Path:
    """Trains by a recipe, from pictures on disk to a weights file.

    Args:
        recipe: What to do.
        train_source: Folder or tar of `<class>/<picture>` to learn from.
        test_source: The same to report on after each epoch; it decides
            nothing.
        run_dir: Folder of the run; the same folder continues a cut-off run.
        seed: Seed of the initial weights and of the batches.

    Returns:
        Path of the `.weights.h5` file in `run_dir`.

    Raises:
        FileNotFoundError: If a source does not exist.
        ValueError: If a source holds no pictures, or the two differ in their
            classes.
    """
    train_data = load_images(train_source)
    test_data = load_images(test_source)
    if train_data.class_names != test_data.class_names:
        raise ValueError(
            "Training and test images must have the same class folders. "
            f"Received: {train_data.class_names[:5]} and "
            f"{test_data.class_names[:5]}"
        )
    model = train(recipe, train_data, test_data, run_dir, seed=seed)
    path = pathlib.Path(run_dir) / f"{recipe.variant}_{recipe.name}.weights.h5"
    save_compact(model, path)
    return path


def train(
    recipe: Recipe,
    train_data: LabelledImages,
    test_data: LabelledImages,
    run_dir: str | os.PathLike,
    *,
    seed: int = 0,
) -> keras.Model:
    """Trains a classifier on images in memory.

    A finished phase is kept in `run_dir` and an unfinished one resumes from
    its last whole epoch, so a run that was cut off goes on when it is called
    again. `run_dir/metrics.csv` holds one line an epoch.

    Args:
        recipe: What to do.
        train_data: Images to learn from.
        test_data: Images to report on.
        run_dir: Folder of the run, made if needed.
        seed: Seed of the initial weights and of the batches.

    Returns:
        The trained model, at the size of the last phase.
    """
    run_dir = pathlib.Path(run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    steps = len(train_data.labels) // recipe.batch_size
    classes = len(train_data.class_names)
    model, first_epoch = None, 0
    for index, phase in enumerate(recipe.phases):
        finished = run_dir / f"phase{index + 1}.keras"
        last_epoch = first_epoch + phase.epochs
        if finished.exists():
            model = keras.saving.load_model(finished)
        else:
            previous = model
            keras.utils.set_random_seed(seed + index)
            model = CONSTRUCTORS[recipe.variant](
                weights=None,
                input_shape=(phase.size, phase.size, 3),
                classes=classes,
            )
            _compile(model, recipe, phase.schedule, steps)
            if previous is not None:
                model.set_weights(previous.get_weights())
            if index and phase.schedule == recipe.phases[index - 1].schedule:
                _copy_optimizer(previous.optimizer, model.optimizer)
            model.fit(
                training_set(
                    train_data,
                    size=phase.size,
                    batch_size=recipe.batch_size,
                    crop_padding=phase.crop_padding,
                    seed=seed + index,
                ),
                validation_data=evaluation_set(
                    test_data, size=phase.size, batch_size=recipe.batch_size
                ),
                # A bar on a terminal; elsewhere metrics.csv tells.
                verbose=int(sys.stdout.isatty()),
                shuffle=False,  # The data set shuffles itself.
                initial_epoch=first_epoch,
                epochs=last_epoch,
                callbacks=[
                    keras.callbacks.BackupAndRestore(run_dir / "backup"),
                    keras.callbacks.CSVLogger(
                        run_dir / "metrics.csv", append=True
                    ),
                    keras.callbacks.TerminateOnNaN(),
                ],
            )
            unfinished = run_dir / "unfinished.keras"
            model.save(unfinished)
            unfinished.replace(finished)
        first_epoch = last_epoch
    return model


def _compile(model, recipe, cosine, steps_per_epoch):
    learning_rate = WarmupCosine(
        cosine.peak,
        round(cosine.warmup_epochs * steps_per_epoch),
        cosine.epochs * steps_per_epoch,
    )
    model.compile(
        keras.optimizers.AdamW(learning_rate, weight_decay=recipe.weight_decay),
        keras.losses.CategoricalCrossentropy(
            label_smoothing=recipe.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)


def _copy_optimizer(source, target):
    for old, new in zip(source.variables, target.variables, strict=True):
        new.assign(old)
