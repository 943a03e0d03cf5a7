"""Runs a recipe from pictures to weights, and picks up where it was cut off."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import pathlib
import warnings
import zlib
from collections.abc import Sequence
from typing import Any

import keras

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.checkpoints import save_compact
from keras_mobilevit.configs import MIN_SIZE
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.training.callbacks import (
    Callbacks,
    EpochLine,
    Progress,
    SaveState,
    TensorBoard,
    ValidateEma,
)
from keras_mobilevit.training.curves import plot_curves
from keras_mobilevit.training.devices import default_workers, has_gpu
from keras_mobilevit.training.distribution import open_distribution
from keras_mobilevit.training.ema import (
    ema_statistics,
    ema_weights,
)
from keras_mobilevit.training.few_steps import fit_to_steps
from keras_mobilevit.training.hosts import undistributed
from keras_mobilevit.training.input_clock import InputClock
from keras_mobilevit.training.optimizer import make_optimizer
from keras_mobilevit.training.parts import freeze
from keras_mobilevit.training.recipe import Recipe
from keras_mobilevit.training.run_folder import RunFolder
from keras_mobilevit.training.run_input import RunInput
from keras_mobilevit.training.sampler import MultiScaleSampler, make_scales
from keras_mobilevit.training.schedule import make_schedule
from keras_mobilevit.training.state import restore_state
from keras_mobilevit.training.tasks import TASKS, Task


def run_recipe(
    recipe: Recipe,
    train: Any,
    test: Any,
    run_dir: str | os.PathLike,
    *,
    seed: int = 0,
    distribution: str = "none",
    hosts: Sequence[str] = (),
    host_index: int | None = None,
    workers: int | None = 0,
    save_minutes: float = 5.0,
    jit_compile: bool | None = None,
) -> pathlib.Path:
    """Trains what a recipe says.

    A warm-up and an average of the weights that are too long for the number
    of steps are shortened; see `fit_to_steps`.

    Each epoch is one `fit` of Keras, since the number of steps differs from
    one to the next. A run that was cut off goes on from its last save when it
    is called again with the same arguments, to the weights that it would
    have had.

    Args:
        recipe: What to do.
        train: Pictures to learn from. For classification, a folder or tar of
            `<class>/<picture>`, shards, or what else `open_source` takes; for
            segmentation, `MaskFolders`; for detection, `AnnotatedFolder`.
        test: The same to report on after each epoch; they decide nothing.
        run_dir: Folder of the run; see `RunFolder`. All processes have to see
            the same folder; the one with `host_index` 0 writes it.
        seed: Seed of initial weights, order, crops and dropout.
        distribution: As in `open_distribution`. Of several processes, each
            calls this function, with the same arguments but `host_index`.
        hosts: As in `open_distribution`.
        host_index: As in `open_distribution`.
        workers: Processes that prepare pictures; 0 for threads of this one,
            `None` for what `default_workers` says. A script needs `if __name__
            == "__main__":` around what calls this with worker processes,
            because they import it.
        save_minutes: Time between two saves inside an epoch.
        jit_compile: Whether XLA compiles the step. By default as Keras
            chooses, but not by TensorFlow on a CPU, where it is slower.

    Returns:
        Path of the `.weights.h5` file, with the task, the names of the
        classes and the preprocessing inside.

    Raises:
        FileNotFoundError: If a source does not exist.
        ValueError: If a source or the folder does not fit the recipe, or a
            source can not be sent to workers.
        RuntimeError: If a worker process ended, or JAX has computed something
            before it joins other processes.
        FloatingPointError: If the loss is not finite.
        OSError: If the state of the run can not be written.
        KeyboardInterrupt: After Ctrl-C, when the run is saved.

    Warns:
        UserWarning: If the run has too few steps for the recipe, or an image
            can not be read.
    """
    # First of all, since TensorFlow and JAX set up a cluster only once.
    engine = open_distribution(distribution, hosts=hosts, host_index=host_index)
    if workers is None:
        workers = default_workers()
    with engine.alone():
        task = TASKS[recipe.task].open(
            recipe, train, test, seed=seed, workers=workers
        )
    images = len(task.loader.source)
    sampler = MultiScaleSampler(
        images,
        make_scales(**vars(recipe.sampler), replicas=engine.replicas),
        replicas=engine.replicas,
        seed=seed,
    )
    batch_sizes = [
        sampler.batch_sizes(epoch) for epoch in range(recipe.schedule.epochs)
    ]
    epoch_steps = list(map(len, batch_sizes))
    fitted = fit_to_steps(recipe, sum(epoch_steps))
    folder = RunFolder(run_dir)
    engine.require_same(
        recipe=zlib.crc32(recipe.to_toml().encode()),
        seed=seed,
        images=images,
        validation_images=len(task.validation_loader.source),
        classes=zlib.crc32(repr(task.labels).encode()),
        states=folder.state.exists(),
    )
    keras.utils.set_random_seed(seed)
    with engine.scope():
        network = task.build_model()
        if recipe.optimizer.sync_batch_norm:
            engine.sync_batch_norms(network)
        freeze(network, recipe.optimizer.freeze)
        model = task.training_model(network)
        _compile(model, network, task, fitted, epoch_steps, jit_compile)
        like = _blank_batch(task.loader)
        engine.prepare(model, like)
    # Only now: what does not fit must not take the folder.
    if engine.is_chief:
        folder.claim(
            recipe,
            seed=seed,
            class_names=task.labels,
            images=images,
        )
    with engine.scope():
        start = restore_state(model, folder.state)
    engine.require_same(epochs_done=start.epoch, steps_done=start.step)

    bar = progress_bar(
        desc="training",
        total=sum(map(sum, batch_sizes)),
        initial=sum(map(sum, batch_sizes[: start.epoch])),
        unit="image",
        disable=not engine.is_chief,
    )
    data = RunInput(
        task.loader,
        task.validation_loader,
        sampler,
        steps=epoch_steps,
        first_epoch=start.epoch,
        first_step=start.step,
        replicas=engine.local_replicas,
        size=(recipe.evaluation.size,) * 2,
        batch_size=recipe.sampler.batch_size,
    )
    with (
        bar,
        contextlib.closing(data),
        ema_statistics(model, fitted.optimizer.ema_momentum),
    ):
        for epoch in range(start.epoch, recipe.schedule.epochs):
            first_step = start.step if epoch == start.epoch else 0
            bar.update(sum(batch_sizes[epoch][:first_step]))
            clock = InputClock()
            callbacks = [
                ValidateEma(),
                Progress(bar, batch_sizes[epoch][first_step:], clock),
            ]
            if engine.is_chief:
                if engine.local_rows == engine.replicas:
                    # One of several processes can not predict alone.
                    callbacks += task.callbacks()
                callbacks.append(EpochLine(bar, recipe.schedule.epochs))
                callbacks += _loggers(folder)
                callbacks.append(
                    SaveState(
                        folder.state,
                        first_step,
                        save_minutes,
                        epoch_steps[epoch],
                    )
                )
            _fit_epoch(
                model,
                functools.partial(engine.dataset, like=like),
                functools.partial(
                    engine.dataset,
                    like=_blank_batch(task.validation_loader),
                    shared=True,
                ),
                epoch,
                data,
                steps=epoch_steps[epoch] - first_step,
                clock=clock,
                callbacks=[*callbacks, clock],
            )
            _write_results(folder, model, network, task, engine.is_chief)
    if start.epoch == recipe.schedule.epochs:
        # Perhaps it was cut off between the last state and the weights.
        _write_results(folder, model, network, task, engine.is_chief)
    return folder.weights


def _compile(
    model, network, task: Task, recipe: Recipe, epoch_steps, jit_compile
):
    config, schedule = recipe.optimizer, recipe.schedule
    if jit_compile is None:
        slower = keras.backend.backend() == "tensorflow" and not has_gpu()
        jit_compile = False if slower else "auto"
    model.compile(
        make_optimizer(config, make_schedule(schedule, epoch_steps), network),
        task.loss(),
        metrics=task.metrics(),
        jit_compile=jit_compile,
    )
    model.optimizer.build(model.trainable_variables)


def _loggers(folder):
    """What writes the metrics of an epoch to disk."""
    loggers = [keras.callbacks.CSVLogger(folder.metrics, append=True)]
    # Keras writes for TensorBoard through TensorFlow, on any backend.
    needed = ("tensorflow", "tensorboard")
    if all(map(importlib.util.find_spec, needed)):
        loggers.append(TensorBoard(folder.tensorboard, write_graph=False))
    return loggers


def _blank_batch(loader):
    """Inputs and targets of one image, for what asks only for their shapes."""
    size = (MIN_SIZE, MIN_SIZE)
    return loader.blank_inputs(1, size), loader.blank_targets(1, size)


def _fit_epoch(
    model,
    training_dataset,
    validation_dataset,
    epoch,
    data: RunInput,
    *,
    steps,
    clock,
    callbacks,
):
    """One pass over the training images, and one over the validation images."""
    try:
        # A batch of unreadable validation images alone is left out. Keras wants
        # to know how many batches there are before anybody can, or warns at the
        # end; those of training are always as many as planned.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Your input ran out of data")
            model.fit(
                training_dataset(lambda: clock.watch(data.training(epoch))),
                shuffle=False,  # The sampler has done it.
                steps_per_epoch=steps,
                validation_data=validation_dataset(
                    functools.partial(data.validation, epoch)
                ),
                validation_steps=data.test_batches,
                initial_epoch=epoch,
                epochs=epoch + 1,
                verbose=0,  # `Progress` and `EpochLine` tell.
                callbacks=Callbacks(callbacks, model),
            )
    except BaseException:
        for callback in callbacks:  # Closes their files.
            callback.on_train_end()
        raise


def _write_results(folder, model, network, task: Task, is_chief):
    # On JAX, all processes have to take part where weights are assigned.
    with ema_weights(model):
        if is_chief:
            with undistributed():
                save_compact(network, folder.weights, task.info())
    if not is_chief:
        return
    plot_curves(folder.metrics, folder.curves, task.figure_of_merit)
    if skipped := task.loader.skipped:
        lines = [f"{name}: {why}\n" for name, why in skipped.items()]
        atomic_write(folder.skipped, "".join(lines).encode())
