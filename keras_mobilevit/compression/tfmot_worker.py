"""The second process: tf_keras and tfmot, apart from Keras 3 and its users.

Started by `process.run_worker` as `python -m` with a folder that holds a
model and a job; leaves the compressed model and the outcome there.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time

import keras
import numpy as np
import tf_keras

# Registers the layers that a model may hold.
import keras_mobilevit.layers  # noqa: F401
from keras_mobilevit.compression.job import MARK, Folder, Job, Outcome
from keras_mobilevit.compression.twin import build_twin, copy_values
from keras_mobilevit.compression.wrapping import prepare
from keras_mobilevit.output_kind import output_kind
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.sampler import MultiScaleSampler, Scale

# Relative to the largest output.
TOLERANCE = 1e-5
# Pictures that the two networks are compared on.
_PROBES = 8


def main(path: str) -> int:
    """Runs the job of a folder; returns the exit status."""
    folder = Folder(pathlib.Path(path))
    try:
        _run(folder, folder.read_job())
    except (ValueError, OSError) as error:
        _send(error=str(error))
        return 1
    return 0


def _run(folder: Folder, job: Job) -> None:
    try:
        model = keras.saving.load_model(folder.model, compile=False)
    except TypeError as error:
        raise ValueError(
            "Expected a model whose layers are of Keras or of this package. "
            f"It can not be opened in another process: {error}"
        ) from error
    size = model.input_shape[1:3]
    train = job.train.open(job.class_names)
    test = job.test.open(job.class_names)
    test_loader = BatchLoader(test, job.augmentation, job.image)
    images, _ = next(_evaluation_batches(test_loader, size, _PROBES, job))

    twin = build_twin(model)
    check_same(model, twin.model, images)
    before = _accuracy(twin.model, test_loader, size, job, "testing before")

    settings = job.fine_tuning
    sampler = MultiScaleSampler(
        len(train), [Scale(*size, settings.batch_size)], seed=settings.seed
    )
    epochs = range(settings.epochs)
    steps = sum(len(sampler.batch_sizes(epoch)) for epoch in epochs)
    tf_keras.utils.set_random_seed(settings.seed)
    prepared = prepare(job.method, twin, steps, images)
    prepared.model.compile(
        tf_keras.optimizers.Adam(
            tf_keras.optimizers.schedules.CosineDecay(
                settings.learning_rate, steps
            )
        ),
        tf_keras.losses.CategoricalCrossentropy(
            from_logits=output_kind(model) == "logits"
        ),
    )
    loader = BatchLoader(train, job.augmentation, job.image, seed=settings.seed)
    progress = _Progress(steps)
    prepared.model.fit(
        _batches(loader, sampler, epochs, job),
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[*prepared.callbacks, progress],
    )

    stripped = prepared.strip()
    for name, layer in twin.origins.items():
        copy_values(stripped.get_layer(name), layer)
    check_same(model, stripped, images)
    after = _accuracy(stripped, test_loader, size, job, "testing after")
    model.save(folder.result)
    folder.write_outcome(
        Outcome(
            accuracy_before=before,
            accuracy_after=after,
            test_images=len(test) - len(test_loader.skipped),
            steps=steps,
            seconds=progress.times[-1] - progress.times[0],
            step_seconds=float(np.median(np.diff(progress.times))),
        )
    )


def check_same(
    model: keras.Model, twin: tf_keras.Model, images: np.ndarray
) -> None:
    """Compares the outputs of a model and of what stands for it.

    Raises:
        ValueError: If they differ by more than `TOLERANCE`.
    """
    expected, found = (m.predict_on_batch(images) for m in (model, twin))
    error = np.abs(expected - found).max() / np.abs(expected).max()
    if not error <= TOLERANCE:  # NaN compares as false.
        raise ValueError(
            "The model can not be rebuilt for tensorflow-model-optimization: "
            f"its outputs and those of the copy differ by {error:.1e} of the "
            f"largest. Expected at most {TOLERANCE:.0e}."
        )


def _accuracy(model, test_loader, size, job, stage):
    right = count = 0
    for images, targets in _evaluation_batches(test_loader, size, 64, job):
        predicted = model.predict_on_batch(images).argmax(1)
        right += int(np.sum(predicted == targets.argmax(1)))
        count += len(targets)
        _send(stage=stage, done=count, total=len(test_loader.source))
    return right / count


def _evaluation_batches(loader, size, batch_size, job):
    for images, targets in loader.evaluation_batches(size, batch_size):
        yield job.scaling.apply(images), targets


def _batches(loader, sampler, epochs, job):
    for epoch in epochs:
        for images, *others in loader.batches(
            sampler.epoch(epoch), epoch=epoch
        ):
            yield job.scaling.apply(images), *others


class _Progress(tf_keras.callbacks.Callback):
    def __init__(self, steps):
        super().__init__()
        self.steps = steps
        self.times = [time.perf_counter()]

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter())
        _send(stage="training", done=batch + 1, total=self.steps)


def _send(**message):
    print(f"{MARK}{json.dumps(message)}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
