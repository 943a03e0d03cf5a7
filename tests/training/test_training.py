"""The schedule, the batches, and a run that is cut off and goes on."""

import io
import tarfile

import keras
import numpy as np
import pytest
from PIL import Image

import keras_mobilevit
from keras_mobilevit.training.data import (
    LabelledImages,
    evaluation_set,
    load_images,
    training_set,
)
from keras_mobilevit.training.fit import WarmupCosine, run_recipe, train
from keras_mobilevit.training.recipes import CIFAR10, Cosine, Phase, Recipe

SCHEDULE = Cosine(peak=1e-3, warmup_epochs=0.5, epochs=2)
TINY = Recipe(
    name="tiny",
    variant="mobilevit_xxs",
    phases=(Phase(32, 1, SCHEDULE, 2), Phase(40, 1, SCHEDULE, 2)),
    batch_size=4,
    weight_decay=0.05,
    label_smoothing=0.1,
)


def make_data(count=12, size=8):
    """Two classes, told apart by their colour."""
    state = np.random.RandomState(0)
    labels = np.arange(count) % 2
    images = state.randint(0, 100, (count, size, size, 3)).astype(np.uint8)
    images[labels == 1, :, :, 0] += 150
    return LabelledImages(images, labels, ["dull", "red"])


def write_tar(path, data):
    with tarfile.open(path, "w") as tar:
        for index, (image, label) in enumerate(
            zip(data.images, data.labels, strict=True)
        ):
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, "png")
            info = tarfile.TarInfo(f"{data.class_names[label]}/{index:03}.png")
            info.size = buffer.tell()
            buffer.seek(0)
            tar.addfile(info, buffer)


def test_schedule_by_hand():
    """Peak 1: 10 steps up in equal parts, then half a cosine down to 0.01."""
    schedule = WarmupCosine(1.0, warmup_steps=10, total_steps=110)
    steps = [0, 4, 9, 10, 60, 110, 500]
    expected = [0.1, 0.5, 1.0, 1.0, 0.505, 0.01, 0.01]
    np.testing.assert_allclose(
        [float(schedule(step)) for step in steps], expected, atol=1e-6
    )
    restored = WarmupCosine.from_config(schedule.get_config())
    assert float(restored(60)) == float(schedule(60))


def test_training_set_covers_the_images_once_and_repeats_by_seed():
    data = make_data()
    # A constant image survives crop, flip and resize.
    data = data._replace(
        images=np.broadcast_to(
            np.arange(12, dtype=np.uint8)[:, None, None, None], (12, 8, 8, 3)
        )
    )

    def epoch(seed):
        dataset = training_set(
            data, size=16, batch_size=4, crop_padding=2, seed=seed
        )
        batches = [(x.numpy(), y.numpy()) for x, y in dataset]
        assert all(x.shape == (4, 16, 16, 3) for x, _ in batches)
        images, labels = map(np.concatenate, zip(*batches, strict=True))
        order = images[:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(labels.argmax(1), data.labels[order])
        return order.tolist()

    assert sorted(epoch(0)) == list(range(12))
    assert epoch(0) == epoch(0)
    assert epoch(0) != epoch(1)


def test_crops_and_flips_stay_inside_the_padded_image():
    data = make_data()
    dataset = training_set(data, size=8, batch_size=12, crop_padding=2, seed=0)
    ((images, _),) = dataset
    originals = {image.tobytes() for image in data.images}
    seen = {image.astype(np.uint8).tobytes() for image in images.numpy()}
    assert len(seen - originals) > 6
    assert images.numpy().max() <= data.images.max()


def test_test_set_keeps_order():
    data = make_data()
    batches = list(evaluation_set(data, size=8, batch_size=5))
    images = np.concatenate([x.numpy() for x, _ in batches])
    np.testing.assert_array_equal(images, data.images)


def test_load_images(tmp_path):
    data = make_data()
    write_tar(tmp_path / "a.tar", data)
    loaded = load_images(tmp_path / "a.tar")
    assert loaded.class_names == ["dull", "red"]
    assert sorted(map(bytes, loaded.images)) == sorted(map(bytes, data.images))
    assert loaded.labels.tolist() == [0] * 6 + [1] * 6


def test_load_images_of_several_sizes(tmp_path):
    (tmp_path / "a").mkdir()
    for side in (8, 9):
        image = Image.new("RGB", (side, side))
        image.save(tmp_path / "a" / f"{side}.png")
    with pytest.raises(ValueError, match="one size"):
        load_images(tmp_path)


def test_run_is_recorded_and_continues(tmp_path):
    """The second call finds the first phase done and runs the second only."""
    data = make_data()
    first = TINY.phases[:1]
    recipe = Recipe(**{**vars(TINY), "phases": first})
    train(recipe, data, data, tmp_path)
    weights = keras.saving.load_model(tmp_path / "phase1.keras").get_weights()
    model = train(TINY, data, data, tmp_path)
    assert model.input_shape == (None, 40, 40, 3)
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "0", "1"]
    again = keras.saving.load_model(tmp_path / "phase1.keras").get_weights()
    for a, b in zip(weights, again, strict=True):
        np.testing.assert_array_equal(a, b)
    # Two epochs of three steps: the optimizer's state went along.
    assert int(model.optimizer.iterations) == 6


def test_run_recipe_writes_loadable_weights(tmp_path):
    data = make_data()
    write_tar(tmp_path / "train.tar", data)
    recipe = Recipe(**{**vars(TINY), "phases": TINY.phases[:1]})
    path = run_recipe(
        recipe,
        tmp_path / "train.tar",
        tmp_path / "train.tar",
        tmp_path / "run",
    )
    assert path == tmp_path / "run" / "mobilevit_xxs_tiny.weights.h5"
    model = keras_mobilevit.MobileViTXXS(
        weights=path, classes=2, input_shape=(32, 32, 3)
    )
    trained = keras.saving.load_model(tmp_path / "run" / "phase1.keras")
    images = data.images.repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), trained.predict(images, verbose=0)
    )


def test_classes_of_train_and_test_must_agree(tmp_path):
    data = make_data()
    write_tar(tmp_path / "a.tar", data)
    write_tar(tmp_path / "b.tar", data._replace(class_names=["dull", "green"]))
    with pytest.raises(ValueError, match="same class folders"):
        run_recipe(TINY, tmp_path / "a.tar", tmp_path / "b.tar", tmp_path)


def test_embedded_recipe_is_for_the_embedded_size():
    assert CIFAR10.size == keras_mobilevit.configs.WEIGHTS["cifar10"].size
