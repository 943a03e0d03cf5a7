"""Whole runs: what they leave behind, and what cuts them off."""

import errno
import json
import multiprocessing
import pathlib
import re
import shutil
import signal

import h5py
import keras
import numpy as np
import pytest
from class_images import CLASSES, quick_recipe, write_class_images
from run_files import read_rows, read_weights
from tiny_classifier import make_classifier
from tqdm import tqdm

import keras_mobilevit.images
from keras_mobilevit.checkpoints import read_info
from keras_mobilevit.named_models import open_model
from keras_mobilevit.progress import progress_lines
from keras_mobilevit.training import callbacks, devices, state
from keras_mobilevit.training.input_clock import InputClock
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.packing import pack
from keras_mobilevit.training.run import run_recipe
from keras_mobilevit.training.tasks import classification


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_class_images(tmp_path_factory.mktemp("pictures"))


def train(pictures, folder, recipe=None, **options):
    return run_recipe(
        recipe or quick_recipe(), pictures, pictures, folder, **options
    )


def assert_same_weights(a, b):
    a, b = read_weights(a), read_weights(b)
    assert a.keys() == b.keys() and len(a) > 30
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.fixture(scope="module")
def real(pictures, tmp_path_factory):
    """A run of MobileViT-XXS."""
    folder = tmp_path_factory.mktemp("real")
    train(pictures, folder, quick_recipe(schedule__epochs="1"))
    return folder


@pytest.fixture
def tiny(monkeypatch):
    """Lets runs train a net of a few layers, which is quick to trace."""
    monkeypatch.setattr(
        classification,
        "build_classifier",
        lambda recipe, class_names: make_classifier(None, activation=None),
    )


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
    """A run of the tiny net that nothing disturbed."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        tiny.__wrapped__(patch)
        train(pictures, folder)
    return folder


def test_the_folder_of_a_run(finished):
    names = {path.name for path in finished.iterdir()}
    assert names == {
        "curves.png",
        "metrics.csv",
        "model.weights.h5",
        "recipe.toml",
        "run.json",
        "state.weights.h5",
        "tensorboard",
    }
    rows = read_rows(finished)
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= rows[0].keys()
    assert all(float(row["images_per_second"]) > 0 for row in rows)
    for row in rows:
        assert 0 <= float(row["input_seconds"]) <= float(row["train_seconds"])
    assert (finished / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((finished / "run.json").read_text()) == {
        "seed": 0,
        "images": 12,
        "class_names": list(CLASSES),
    }
    assert any((finished / "tensorboard").rglob("events.out.*"))


@pytest.mark.slow
def test_a_run_from_shards_is_that_from_the_folder(
    finished, tiny, pictures, tmp_path
):
    pack(pictures, tmp_path / "shards", shards=2)
    weights = train(tmp_path / "shards", tmp_path / "run")
    assert_same_weights(finished / "model.weights.h5", weights)


@pytest.mark.slow
def test_a_command_tells_how_its_run_goes(
    tiny, pictures, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("KERAS_MOBILEVIT_PROGRESS_SECONDS", "0.1")
    with progress_lines():
        train(pictures, tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert re.match(r"(training|epoch 1): \d+ of \d+, \d+ s", lines[0])
    for number, row in enumerate(read_rows(tmp_path), start=1):
        (line,) = [x for x in lines if x.startswith(f"epoch {number} of 2: ")]
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert f" {name} {float(row[name]):.4g}" in line


@pytest.mark.slow
def test_the_weights_know_their_classes_and_preprocessing(real):
    path = real / "model.weights.h5"
    facts = read_info(path)
    assert facts.labels == CLASSES
    opened = open_model(None, path)
    assert opened.info.labels == CLASSES
    assert opened.model.name == "mobilevit_xxs"
    assert opened.model.input_shape == (None, 48, 48, 3)
    assert opened.info.image.crop_pct == pytest.approx(256 / 288)


@pytest.mark.slow
def test_metrics_are_those_of_the_saved_average(real, pictures):
    """The last line of the log against the weights file, by other code."""
    model = open_model(None, real / "model.weights.h5").model
    images = [
        keras_mobilevit.images.load_image(path, (48, 48), 256 / 288)
        for path in sorted(pictures.rglob("*.png"))
    ]
    predicted = model.predict(np.stack(images).astype("float32"), verbose=0)
    true = np.repeat([0, 1, 2], 4)
    smoothed = 0.9 * np.eye(3)[true] + 0.1 / 3
    loss = -(smoothed * np.log(predicted)).sum(1).mean()
    *_, last = read_rows(real)
    accuracy = (predicted.argmax(1) == true).mean()
    assert float(last["val_loss"]) == pytest.approx(loss, rel=1e-5)
    assert float(last["val_accuracy"]) == pytest.approx(accuracy)


@pytest.mark.slow
def test_classes_that_are_the_weights_own_keep_their_classifier(real):
    path = real / "model.weights.h5"
    recipe = quick_recipe(weights=str(path))
    model = classification.build_classifier(recipe, CLASSES)
    own = open_model(None, path).model.get_layer("predictions").get_weights()
    kept = model.get_layer("predictions").get_weights()
    np.testing.assert_array_equal(kept[0], own[0])
    model = classification.build_classifier(recipe, ("blue", "green", "grey"))
    other = model.get_layer("predictions").get_weights()
    assert abs(other[0] - own[0]).max() > 1e-3
    np.testing.assert_array_equal(
        model.get_layer("stem").get_weights()[0],
        open_model(None, path).model.get_layer("stem").get_weights()[0],
    )


# === Runs that are cut off ===


class CutOff(Exception):
    pass


def after_steps(count, action):
    """Makes `Progress` act after so many steps of this process."""
    original = callbacks.Progress.on_train_batch_end
    steps = iter(range(1, 1000))

    def on_train_batch_end(self, batch, logs=None):
        original(self, batch, logs)
        if next(steps) == count:
            action()

    return on_train_batch_end


def cut_off():
    raise CutOff


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "workers", "workers_then"), [(1, 0, 0), (3, 0, 0), (3, 2, 1)]
)
def test_a_run_that_is_cut_off_ends_as_if_it_had_not_been(
    steps,
    workers,
    workers_then,
    tiny,
    finished,
    pictures,
    tmp_path,
    monkeypatch,
):
    """Saved at every step, killed behind one of the first or second epoch.

    The run that nothing disturbed has no worker processes.
    """
    with monkeypatch.context() as patch:
        patch.setattr(
            callbacks.Progress,
            "on_train_batch_end",
            after_steps(steps, cut_off),
        )
        with pytest.raises(CutOff):
            train(pictures, tmp_path, save_minutes=0, workers=workers)
    assert not multiprocessing.active_children()
    path = train(pictures, tmp_path, workers=workers_then)
    assert_same_weights(path, finished / "model.weights.h5")
    assert_same_weights(
        tmp_path / "state.weights.h5", finished / "state.weights.h5"
    )


@pytest.mark.slow
def test_a_run_that_is_cut_off_in_its_validation_goes_on(
    tiny, finished, pictures, tmp_path, monkeypatch
):
    """Saved at every step: behind the last one, there is none to go on with."""
    with monkeypatch.context() as patch:
        patch.setattr(
            callbacks.ValidateEma, "on_test_begin", lambda *args: cut_off()
        )
        with pytest.raises(CutOff):
            train(pictures, tmp_path, save_minutes=0)
    path = train(pictures, tmp_path)
    assert_same_weights(path, finished / "model.weights.h5")
    assert len(read_rows(tmp_path)) == len(read_rows(finished))


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3])
def test_ctrl_c_saves_and_the_run_goes_on(
    steps, tiny, finished, pictures, tmp_path, monkeypatch
):
    """Behind the first step of an epoch, and behind its last one."""
    assert read_rows(finished)[0]["steps"] == "3"
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(
            callbacks.Progress,
            "on_train_batch_end",
            after_steps(steps, lambda: signal.raise_signal(signal.SIGINT)),
        )
        with pytest.raises(KeyboardInterrupt):
            train(pictures, tmp_path)
    assert signal.getsignal(signal.SIGINT) is handler
    assert not (tmp_path / "model.weights.h5").exists()
    path = train(pictures, tmp_path)
    assert_same_weights(path, finished / "model.weights.h5")


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_and_keeps_the_last_state(
    tiny, pictures, tmp_path, monkeypatch
):
    def finish(self, images, targets, key, replicas):
        _, epoch, _ = key
        images *= np.nan if epoch == 1 else 1
        return targets

    monkeypatch.setattr(BatchLoader, "finish", finish)
    with pytest.raises(FloatingPointError, match="epoch 1, step 1"):
        train(pictures, tmp_path)
    for name in ("state", "model"):
        for weights in read_weights(tmp_path / f"{name}.weights.h5").values():
            assert np.isfinite(weights).all()
    with h5py.File(tmp_path / "state.weights.h5") as file:
        assert list(file.attrs["keras_mobilevit_position"]) == [1, 0]


def test_a_full_disk_leaves_the_state_before(
    tiny, finished, tmp_path, monkeypatch
):
    shutil.copy(finished / "state.weights.h5", tmp_path)
    before = (tmp_path / "state.weights.h5").read_bytes()

    def full(*args, **kwargs):
        pathlib.Path(args[1]).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    model = classification.build_classifier(None, CLASSES)
    monkeypatch.setattr(keras.Model, "save_weights", full)
    with pytest.raises(OSError, match="still there"):
        state.save_state(model, state.Position(), tmp_path / "state.weights.h5")
    assert (tmp_path / "state.weights.h5").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_state_is_told(tiny, finished, pictures, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "state.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\nhalf")
    with pytest.raises(ValueError, match="not the state of this run"):
        train(pictures, run)


def test_the_folder_of_another_run_is_refused(finished, pictures):
    with pytest.raises(ValueError, match="schedule.peak, seed"):
        train(pictures, finished, quick_recipe(schedule__peak="0.1"), seed=1)


def test_a_finished_run_is_not_run_again(finished, tiny, pictures, monkeypatch):
    """But its weights are written, should they be those of an epoch before."""
    path = finished / "model.weights.h5"
    before, metrics = read_weights(path), read_rows(finished)
    path.unlink()
    monkeypatch.setattr(keras.Model, "fit", None)
    assert train(pictures, finished) == path
    for name, value in read_weights(path).items():
        np.testing.assert_array_equal(value, before[name])
    assert read_rows(finished) == metrics


def test_test_images_of_other_classes_are_refused(pictures, tmp_path):
    other = write_class_images(tmp_path / "other")
    (other / "red").rename(other / "grey")
    with pytest.raises(ValueError, match="grey"):
        run_recipe(quick_recipe(), pictures, other, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_unreadable_images_are_listed(tiny, tmp_path):
    pictures = write_class_images(tmp_path / "pictures")
    (pictures / "red" / "001.png").write_bytes(b"broken")
    with pytest.warns(UserWarning, match="001.png"):
        train(pictures, tmp_path / "run", quick_recipe(schedule__epochs="1"))
    assert "red/001.png" in (tmp_path / "run" / "skipped.txt").read_text()


@pytest.mark.slow
def test_a_batch_of_unreadable_test_images(tiny, pictures, tmp_path):
    """It is left out, and Keras does not call that a mistake."""
    test = write_class_images(tmp_path / "test")
    for index in (0, 3, 6):  # The first three of four batches of three.
        (test / "blue" / f"{index:03}.png").write_bytes(b"broken")
    recipe = quick_recipe(schedule__epochs="1")
    with pytest.warns(UserWarning) as caught:
        run_recipe(recipe, pictures, test, tmp_path / "run")
    told = [str(warning.message) for warning in caught]
    assert sum(text.startswith("Skipped blue/00") for text in told) == 3
    assert not [text for text in told if "ran out of data" in text]
    assert float(read_rows(tmp_path / "run")[0]["val_loss"]) > 0


@pytest.mark.slow
def test_the_device_is_not_waited_for_after_each_step(
    tiny, pictures, tmp_path, monkeypatch
):
    """What callbacks get are tensors; to make numbers of them is to wait."""
    kinds = set()

    def record(self, batch, logs=None):
        kinds.update(map(type, logs.values()))

    monkeypatch.setattr(callbacks.Progress, "on_train_batch_end", record)
    train(pictures, tmp_path, quick_recipe(schedule__epochs="1"))
    assert kinds and not kinds & {float, int, np.float32, np.float64}


def test_losses_are_read_once_a_second(tmp_path, monkeypatch):
    class Loss:
        reads = 0

        def __float__(self):
            Loss.reads += 1
            return 1.0

    now = 0.0
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now)
    model = keras.Sequential([keras.layers.Dense(1)])
    with tqdm(disable=True) as bar:
        both = callbacks.Callbacks(
            [
                callbacks.Progress(bar, [3] * 50, InputClock()),
                callbacks.SaveState(tmp_path / "a.weights.h5"),
            ],
            model,
        )
        for callback in both.callbacks[:2]:
            callback.on_train_begin()
            callback.on_epoch_begin(0)
        for batch in range(50):
            now = batch / 10
            both.on_train_batch_end(batch, {"loss": Loss()})
        both.callbacks[1].on_train_end()
    # Five seconds, two that read, and no step missed by the bar.
    assert Loss.reads == 10


@pytest.mark.parametrize(
    ("gpu", "cores", "workers"),
    [(False, 64, 0), (True, 2, 0), (True, 4, 3), (True, 64, 8)],
)
def test_workers_if_nobody_says(gpu, cores, workers, monkeypatch):
    monkeypatch.setattr(devices, "has_gpu", lambda: gpu)
    monkeypatch.setattr(devices, "usable_cores", lambda: cores)
    assert devices.default_workers() == workers


def test_the_bar_and_the_logs_say_where_the_time_goes(monkeypatch):
    now = 10.0
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now)
    shown = []

    class Bar:
        def set_description(self, text, refresh):
            shown.append(text)

        def set_postfix(self, values, refresh):
            shown.append(values)

        def update(self, count):
            shown.append(count)

    clock = InputClock()
    progress = callbacks.Progress(Bar(), [4, 6], clock)
    progress.on_epoch_begin(2)
    now, clock.seconds = 12.0, 0.5
    progress.on_train_batch_end(0, {"loss": 1.25})
    now = 12.5  # Less than a second later, it stays as it is.
    progress.on_train_batch_end(1, {"loss": 1.0})
    now = 14.0
    progress.on_test_begin()
    now, logs = 19.0, {"loss": 1.0}
    progress.on_epoch_end(2, logs)
    assert shown == ["epoch 3", {"loss": "1.250", "input": "25%"}, 4, 6]
    assert logs == {
        "loss": 1.0,
        "images_per_second": 2.5,
        "train_seconds": 4.0,
        "input_seconds": 0.5,
        "steps": 2,
    }


# === What a recipe asks for ===


def test_frozen_parts_stay(tiny, pictures, tmp_path):
    recipe = quick_recipe(schedule__epochs="1", optimizer__freeze="7")
    trained = read_weights(train(pictures, tmp_path, recipe))
    keras.utils.set_random_seed(0)
    classification.build_classifier(recipe, CLASSES).save_weights(
        tmp_path / "start.weights.h5"
    )
    start = read_weights(tmp_path / "start.weights.h5")
    changed = {n for n in start if (start[n] != trained[n]).any()}
    assert changed == {
        "layers/dense/vars/0",
        "layers/dense/vars/1",
    }


def test_mixed_precision_ends_with_the_model():
    recipe = quick_recipe(optimizer__mixed_precision="true")
    model = classification.build_classifier(recipe, CLASSES)
    assert model.get_layer("stem").compute_dtype == "float16"
    assert model.get_layer("stem").variable_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_float64(tiny, pictures, tmp_path):
    keras.config.set_floatx("float64")
    try:
        train(pictures, tmp_path, quick_recipe(schedule__epochs="1"))
    finally:
        keras.config.set_floatx("float32")
    *_, last = read_rows(tmp_path)
    assert np.isfinite(float(last["loss"]))


def test_it_learns_what_is_easy(tiny, pictures, tmp_path):
    """What is saved does not lag behind, though the recipe is of long runs.

    An average over 100 of the 30 steps would be about where it began.
    """
    recipe = quick_recipe(
        schedule__epochs="8",
        schedule__peak="0.02",
        schedule__warmup_steps="1000",
        optimizer__ema_momentum="0.99",
    )
    with pytest.warns(UserWarning, match="too few for the recipe flowers"):
        train(pictures, tmp_path, recipe)
    *_, last = read_rows(tmp_path)
    assert float(last["val_accuracy"]) == 1.0
    # As asked for, so that the same command goes on with the run.
    assert "warmup_steps = 1000" in (tmp_path / "recipe.toml").read_text()
