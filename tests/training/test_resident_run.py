"""Runs whose images stay on the device, beside runs that open them."""

import pickle

import keras
import numpy as np
import pytest
from class_images import quick_recipe, write_class_images
from run_files import read_rows, read_weights
from tiny_classifier import make_classifier

from keras_mobilevit.checkpoints import read_info
from keras_mobilevit.training import callbacks
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.recipe import load_recipe
from keras_mobilevit.training.resident.classifier import ResidentPictures
from keras_mobilevit.training.resident.loader import ResidentLoader
from keras_mobilevit.training.resident.store import load_pictures
from keras_mobilevit.training.resident.transform import ResidentTransform
from keras_mobilevit.training.run import run_recipe
from keras_mobilevit.training.sampler import MultiScaleSampler, make_scales
from keras_mobilevit.training.sources import open_source
from keras_mobilevit.training.tasks import classification

PLENTY = 2**30


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_class_images(tmp_path_factory.mktemp("pictures"), side=60)


@pytest.fixture
def tiny(monkeypatch):
    """Lets runs train a net of a few layers, which is quick to trace."""
    monkeypatch.setattr(
        classification,
        "build_classifier",
        lambda recipe, class_names: make_classifier(None, activation=None),
    )


def resident_recipe(**changes):
    return quick_recipe(input__resident="true", **changes)


def make_loaders(folder, augmentation, spec, **options):
    """One that opens images, and one that has them, with the store of it."""
    source = open_source(folder)
    transform = ResidentTransform(augmentation, spec)
    store = load_pictures(source, transform.keep, max_bytes=PLENTY)
    return (
        BatchLoader(source, augmentation, spec, **options),
        ResidentLoader(source, transform, store, **options),
        store,
    )


def plan_epoch(count, replicas=1):
    return MultiScaleSampler(
        count,
        make_scales("standard", 48, 3, replicas=replicas),
        replicas=replicas,
    ).epoch(0)


# === Batches ===


def test_batches_are_those_of_the_other_loader(pictures):
    """Of the second replica, in an epoch that is resumed."""
    recipe = quick_recipe()
    opening, resident, store = make_loaders(
        pictures, recipe.augmentation, recipe.evaluation.image_spec(), seed=5
    )
    plan = plan_epoch(12, replicas=2)
    options = {"epoch": 3, "first_step": 1, "replicas": slice(1, 2)}
    layer = ResidentPictures(store.pictures)
    ((images, targets),) = opening.batches(plan, **options)
    ((samplings, same),) = resident.batches(plan, **options)
    made = keras.ops.convert_to_numpy(layer(samplings))
    assert made.shape == images.shape == (3, 48, 48, 3)
    assert np.abs(made - images).max() <= 2
    np.testing.assert_array_equal(targets, same)


def test_an_unreadable_image_is_replaced_by_the_same_one(tmp_path):
    folder = write_class_images(tmp_path)
    (folder / "red" / "002.png").write_bytes(b"broken")
    recipe = quick_recipe()
    opening, resident, _ = make_loaders(
        folder, recipe.augmentation, recipe.evaluation.image_spec()
    )
    plan = plan_epoch(12)
    with pytest.warns(UserWarning, match="Skipped red/002.png"):
        expected = [targets for _, targets in opening.batches(plan, epoch=0)]
    with pytest.warns(UserWarning, match="Skipped red/002.png"):
        found = [*resident.batches(plan, epoch=0)]
    np.testing.assert_array_equal([t for _, t in found], expected)
    broken = resident.source.names.index("red/002.png")
    used = np.concatenate([inputs["index"] for inputs, _ in found])
    assert broken not in used and len(used) == 12
    assert resident.skipped == opening.skipped


def test_workers_get_no_pictures(pictures):
    """Of 130 kB, nor what opens them."""
    recipe = quick_recipe()
    _, resident, store = make_loaders(
        pictures, recipe.augmentation, recipe.evaluation.image_spec()
    )
    sent = pickle.dumps(resident)
    assert len(sent) < 5000 < store.pictures.nbytes
    copy = pickle.loads(sent)
    (a, _), (b, _) = (
        loader.training_example(3, (48, 48), np.random.default_rng(0))
        for loader in (resident, copy)
    )
    assert a.keys() == b.keys()
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name])


@pytest.mark.slow
def test_batches_do_not_depend_on_the_workers(pictures):
    recipe = quick_recipe()
    _, resident, _ = make_loaders(
        pictures, recipe.augmentation, recipe.evaluation.image_spec()
    )
    plan = plan_epoch(12)
    expected = [*resident.batches(plan, epoch=0)]
    resident.workers = 2
    found = [*resident.batches(plan, epoch=0)]
    assert len(found) == len(expected) == 4
    for (a, _), (b, _) in zip(found, expected, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize("crop", ["random_resized", "padded", "none"])
@pytest.mark.parametrize("pre_resize", [0, 32])
def test_blank_inputs_are_like_real_ones(pictures, crop, pre_resize):
    recipe = quick_recipe(
        augmentation__crop=crop,
        augmentation__padding=str(4 * (crop == "padded")),
        evaluation__pre_resize=str(pre_resize),
    )
    _, resident, _ = make_loaders(
        pictures, recipe.augmentation, recipe.evaluation.image_spec()
    )
    (real, _), *_ = resident.batches(plan_epoch(12), epoch=0)
    blank = resident.blank_inputs(3, (48, 48))
    assert {n: (x.shape, x.dtype) for n, x in real.items()} == {
        n: (x.shape, x.dtype) for n, x in blank.items()
    }
    assert not any(array.any() for array in blank.values())
    # Of this size, a run takes the signature of all its batches.
    assert resident.blank_inputs(1, (32, 32)).keys() == real.keys()


# === Runs ===


def losses(folder):
    return [
        float(row[name])
        for row in read_rows(folder)
        for name in ("loss", "val_loss")
    ]


def test_a_run_goes_as_the_one_that_opens_its_images(tiny, pictures, tmp_path):
    """Several sizes, crops, flips, EMA; pixels differ by rounding alone."""
    path = run_recipe(
        resident_recipe(), pictures, pictures, tmp_path / "resident"
    )
    other = run_recipe(quick_recipe(), pictures, pictures, tmp_path / "opening")
    np.testing.assert_allclose(
        losses(tmp_path / "resident"), losses(tmp_path / "opening"), rtol=2e-3
    )
    found, expected = read_weights(path), read_weights(other)
    assert found.keys() == expected.keys()
    assert read_info(path) == read_info(other)
    names = {p.name for p in (tmp_path / "resident").iterdir()}
    assert names == {p.name for p in (tmp_path / "opening").iterdir()}
    state = (tmp_path / "resident" / "state.weights.h5").stat().st_size
    assert state < 1.2 * (
        (tmp_path / "opening" / "state.weights.h5").stat().st_size
    )


@pytest.mark.slow
def test_a_resident_run_that_is_cut_off(tiny, pictures, tmp_path, monkeypatch):
    """Killed in its second epoch, it ends at the weights of one that is not."""

    class CutOff(Exception):
        pass

    original = callbacks.Progress.on_train_batch_end
    steps = iter(range(1, 1000))

    def on_train_batch_end(self, batch, logs=None):
        original(self, batch, logs)
        if next(steps) == 4:
            raise CutOff

    whole = run_recipe(
        resident_recipe(), pictures, pictures, tmp_path / "whole"
    )
    with monkeypatch.context() as patch:
        patch.setattr(
            callbacks.Progress, "on_train_batch_end", on_train_batch_end
        )
        with pytest.raises(CutOff):
            run_recipe(
                resident_recipe(),
                pictures,
                pictures,
                tmp_path / "cut",
                save_minutes=0,
            )
    resumed = run_recipe(
        resident_recipe(), pictures, pictures, tmp_path / "cut"
    )
    found, expected = read_weights(resumed), read_weights(whole)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_too_many_images_for_the_device(tiny, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(classification, "room", lambda: 100_000)
    with pytest.raises(ValueError, match="The 12 training images take"):
        run_recipe(resident_recipe(), pictures, pictures, tmp_path / "run")
    assert not (tmp_path / "run").exists()


# === Recipes ===


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"augmentation.mixup": "0.2"}, "augmentation.mixup"),
        ({"augmentation.cutmix": "true"}, "augmentation.cutmix"),
        ({"augmentation.erasing": "0.1"}, "augmentation.erasing"),
        ({"augmentation.rand_augment": "2"}, "augmentation.rand_augment"),
        ({"distillation.teacher": "a.keras"}, "distillation.teacher"),
        (
            {
                "augmentation.crop": "padded",
                "augmentation.padding": "4",
                "input.resident_side": "64",
            },
            "input.resident_side",
        ),
    ],
)
def test_what_does_not_go_with_resident_images(changes, field):
    with pytest.raises(ValueError, match=f"`{field}` must be"):
        load_recipe("flowers", {"input.resident": "true", **changes})


def test_only_resident_images_are_reduced():
    with pytest.raises(ValueError, match="`input.resident_side` must be 0"):
        load_recipe("flowers", {"input.resident_side": "64"})


@pytest.mark.parametrize("name", ["camvid", "detection"])
def test_only_classifiers_have_resident_images(name):
    with pytest.raises(ValueError, match="`input.resident` must be False"):
        load_recipe(name, {"input.resident": "true"})
