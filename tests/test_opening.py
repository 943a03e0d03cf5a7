"""One way to open a model, and from pictures to named results."""

import io
import itertools
import json
import math
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from dense_models import colour_segmenter, constant_model, predictions_of
from image_files import encode, gradient, plain
from PIL import Image
from small_model import make_images
from test_files_of_version_1 import BOXES, CLASSES, FILES, PIXELS
from tiny_dense import DENSE_SIZE, REGIONS
from tiny_model import TINY_SIZE

import keras_mobilevit
from keras_mobilevit import (
    MobileViTXXS,
    checkpoints,
    configs,
    configs_v2,
    list_models,
    open_model,
)
from keras_mobilevit.checkpoints import (
    add_info,
    save_compact,
    save_safetensors,
)
from keras_mobilevit.images import load_image
from keras_mobilevit.model_info import ImageSpec, ModelInfo, OutputSpec
from keras_mobilevit.predictors import Segmentation
from keras_mobilevit.tflite import ImageModel, convert
from keras_mobilevit.tflite.metadata import append_metadata
from keras_mobilevit.tflite.runners import FileRunner

CLASSIFIER = FILES / "v1_classifier_float32.tflite"
# Left, top, right, bottom as shares of the sides.
OBJECT = ((0.5, 0.5, 0.8, 0.9), 1, 0.9)


def save_keras(model, path, **facts):
    """A `.keras` file, with a description if there are facts."""
    model.save(path)
    if facts:
        add_info(path, ModelInfo(**facts))
    return path


def colour_classifier(size=(8, 8)):
    """Logits: five times the mean red, green and blue, in [0, 5]."""
    inputs = keras.Input((*size, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Rescaling(5 / 255)(x))


def half_green(height, width):
    """The left quarter green, the rest blue."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 4, 1] = image[:, width // 4 :, 2] = 255
    return image


# === By name ===


def test_embedded_weights():
    """As the model and the functions for its in- and output give it."""
    opened = open_model("mobilevit_xxs", "cifar10")
    assert opened.info.labels == configs.WEIGHTS["cifar10"].info.labels
    photo = make_images(1, (70, 120))[0]
    opened.model.run_eagerly = True
    found = opened.predict(photo, top=3)
    pixels = load_image(encode(photo), (96, 96), 1.0, 32)
    outputs = opened.model.predict_on_batch(pixels[None].astype("float32"))
    ((*expected,),) = keras_mobilevit.mobilevit.decode_predictions(
        outputs, top=3, weights="cifar10"
    )
    assert [p.label for p in found] == [name for _, name, _ in expected]
    assert [p.probability for p in found] == pytest.approx(
        [float(p) for _, _, p in expected], abs=1e-6
    )
    named = open_model("weights:cifar10")
    assert named.info == opened.info
    assert named.described and opened.described


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilevit_xxs_cifar10.weights.h5", "a.h5"])
def test_embedded_weights_by_their_path(tmp_path, name):
    """The file of the package, and a copy under any name."""
    path = checkpoints.fetch("cifar10", "mobilevit_xxs")
    if name != path.name:
        path = shutil.copyfile(path, tmp_path / name)
    opened = open_model(path)
    assert opened.described
    assert opened.info == open_model("weights:cifar10").info
    assert opened.model.input_shape == (None, 96, 96, 3)


@pytest.mark.parametrize(
    ("task", "outputs"),
    [
        ("segmentation", (64, 64, 4)),
        # 6 anchors at each cell of five maps, and 4 at the last.
        ("detection", (6 * (4 * 4 + 2 * 2 + 1 + 1 + 1) + 4, 8)),
    ],
)
def test_random_weights_of_each_task(task, outputs):
    opened = open_model(
        "mobilevit_xxs", None, task=task, classes=4, size=(64, 64)
    )
    assert opened.model.output_shape[1:] == outputs
    assert (opened.info.task, opened.info.labels) == (task, ())
    assert not opened.described


def test_models_are_listed():
    rows = list_models()
    every = (*configs.VARIANTS, *configs_v2.VARIANTS)
    expected = itertools.product(configs.TASKS, every)
    assert [(row.task, row.variant) for row in rows] == list(expected)
    for table in (
        configs.WEIGHTS,
        configs.SEGMENTATION_WEIGHTS,
        configs.DETECTION_WEIGHTS,
    ):
        for name, weights in table.items():
            having = {r.variant for r in rows if name in r.weights}
            assert having & set(configs.VARIANTS) == set(weights.variants)
    # As published, from 1.5 times the width on.
    wide = {r.variant for r in rows if "imagenet21k_1k_384" in r.weights}
    assert wide == {f"mobilevitv2_{width}" for width in (150, 175, 200)}
    assert {row.task for row in list_models("detection")} == {"detection"}
    with pytest.raises(ValueError, match="`task` must be one of.*'depth'"):
        list_models("depth")


# === Files ===


@pytest.fixture(scope="module")
def small():
    return MobileViTXXS(weights=None, classes=3, input_shape=(32, 64, 3))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["weights.h5", "safetensors", "bare.h5"])
def test_checkpoints(small, tmp_path, suffix):
    info = ModelInfo(
        variant="mobilevit_xxs",
        labels=("anemone", "daisy", "rosé"),
        classes=3,
        image=ImageSpec(size=(32, 64), crop_pct=0.5, pre_resize=16),
    )
    crop, pre_resize, labels, size = 0.5, 16, info.labels, None
    if suffix == "safetensors":
        path = tmp_path / "a.safetensors"
        save_safetensors(small, path, info)
    elif suffix == "weights.h5":
        path = tmp_path / "a.weights.h5"
        save_compact(small, path, info)
    else:
        # Preprocessed as for the published weights.
        path = tmp_path / "bare.weights.h5"
        small.save_weights(path)
        crop, pre_resize, labels, size = 256 / 288, 0, ("0", "1", "2"), (32, 64)
    opened = open_model(path, size=size)
    assert opened.described == (suffix != "bare.h5")
    photo = encode(gradient(90, 70))
    pixels = load_image(photo, (32, 64), crop, pre_resize)
    # Tracing would take far longer than one picture does.
    opened.model.run_eagerly = small.run_eagerly = True
    (expected,) = small.predict_on_batch(pixels[None].astype("float32"))
    found = dict(opened.predict(photo))
    assert found == pytest.approx(
        dict(zip(labels, expected.tolist(), strict=True)), abs=1e-5
    )


def test_classes_of_a_file_of_each_form():
    """As version 0.1 named them; so below."""
    picture = make_images(3, TINY_SIZE, seed=5)[1]
    opened = open_model(CLASSIFIER)
    assert isinstance(opened.model, ImageModel)
    assert opened.info.image.crop_pct == 0.875
    found = opened.predict(encode(picture), top=4)
    assert [label for label, _ in found] == list(CLASSES)
    assert dict(found) == pytest.approx(CLASSES, abs=1e-3)


def test_an_open_file_serves_several_workers():
    model = ImageModel(CLASSIFIER)
    images = make_images(6, TINY_SIZE)
    np.testing.assert_array_equal(
        list(FileRunner(model, workers=3).run(images)),
        [model.predict(image) for image in images],
    )


@pytest.mark.parametrize("form", BOXES)
def test_boxes_of_files(form):
    opened = open_model(FILES / f"v1_detector_{form}.tflite")
    picture = make_images(3, DENSE_SIZE, seed=5)[1]
    found = opened.predict(picture)[:3]
    for box, (name, score, sides) in zip(found, BOXES[form], strict=True):
        assert box.name == name
        assert box.score == pytest.approx(score, abs=1e-3)
        tolerance = 0.02 if form.endswith("float32") else 0.5
        assert box.box == pytest.approx(sides, abs=tolerance)


@pytest.mark.parametrize("form", PIXELS)
def test_masks_of_files(form):
    opened = open_model(FILES / f"v1_segmenter_{form}.tflite")
    found = opened.predict(make_images(3, DENSE_SIZE, seed=5)[1])
    assert found.mask.shape == DENSE_SIZE
    pixels = {name: share * found.mask.size for name, share in found.shares()}
    expected = {
        name: count
        for name, count in zip(REGIONS, PIXELS[form], strict=True)
        if count
    }
    tolerance = 5 if form.endswith("float32") else 40
    assert pixels == pytest.approx(expected, abs=tolerance)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Task -> the same model as a `.keras` and as a `.tflite` file."""
    folder = tmp_path_factory.mktemp("pairs")
    found = {}
    whole = ImageSpec(crop_mode="squash")
    for task, model, facts in (
        (
            "classification",
            colour_classifier(),
            {
                "labels": ("red", "green", "blue"),
                "image": ImageSpec(crop_pct=0.5, pre_resize=4),
                "output": OutputSpec(kind="logits"),
            },
        ),
        (
            "detection",
            constant_model(predictions_of(OBJECT)),
            {
                "labels": ("cat", "dog"),
                "image": whole,
                "output": OutputSpec(kind="anchors", label_offset=1),
            },
        ),
        (
            "segmentation",
            colour_segmenter((8, 16)),
            {
                "labels": ("sand", "grass", "water"),
                "image": whole,
                "output": OutputSpec(kind="logits"),
            },
        ),
    ):
        path = save_keras(model, folder / f"{task}.keras", task=task, **facts)
        file = folder / f"{task}.tflite"
        info = ModelInfo(task=task, **facts)
        file.write_bytes(append_metadata(convert(model), info))
        found[task] = path, file
    return found


@pytest.mark.parametrize("kind", ["keras", "tflite"])
def test_a_classifier_of_either_kind(pairs, kind):
    """Blue at its edges, red in its centre, which alone is looked at."""
    opened = open_model(pairs["classification"][kind == "tflite"])
    assert opened.info.task == "classification"
    assert opened.info.image.size == (8, 8)
    image = np.zeros((32, 64, 3), np.uint8)
    image[..., 2] = 255
    image[4:-4, 20:-20] = (255, 0, 0)
    found = opened.predict(image)
    # Logits 5, 0 and 0.
    certain = 1 / (1 + 2 * math.exp(-5))
    assert [label for label, _ in found] == ["red", "green", "blue"]
    assert found[0].probability == pytest.approx(certain, abs=1e-5)
    assert len(opened.predict(image, top=1)) == 1


@pytest.mark.parametrize("kind", ["keras", "tflite"])
def test_a_detector_of_either_kind(pairs, kind):
    opened = open_model(pairs["detection"][kind == "tflite"])
    assert opened.info.labels == ("cat", "dog")
    (found,) = opened.predict(plain(100, 100, 200))
    assert (found.class_index, found.name) == (1, "cat")
    assert found.score == pytest.approx(0.9, abs=1e-3)
    assert found.box == pytest.approx((100, 50, 160, 90), abs=0.1)
    assert opened.predict(plain(9, 50, 50), score_threshold=0.95) == []


@pytest.mark.parametrize("kind", ["keras", "tflite"])
def test_segmentation_of_either_kind(pairs, kind):
    opened = open_model(pairs["segmentation"][kind == "tflite"])
    found = opened.predict(half_green(80, 160))
    assert isinstance(found, Segmentation)
    assert found.labels == ("sand", "grass", "water")
    assert found.shares() == [("water", 0.75), ("grass", 0.25)]
    assert (found.mask[:, :40] == 1).all() and (found.mask[:, 40:] == 2).all()


def test_a_keras_file_that_says_nothing(tmp_path):
    path = save_keras(colour_classifier(), tmp_path / "a.keras")
    opened = open_model(path)
    assert not opened.described
    assert opened.info == ModelInfo(
        name="a", classes=3, image=ImageSpec(size=(8, 8))
    )
    # The kind is unknown, and 5, 0 and 0 are no probabilities.
    (best, *_) = opened.predict(plain((0, 255, 0)))
    assert best == ("1", pytest.approx(1 / (1 + 2 * math.exp(-5)), abs=1e-5))


@pytest.mark.parametrize(
    ("shape", "task", "classes"),
    [
        ((3,), "classification", 3),
        ((8, 7), "detection", 2),
        ((8, 8, 3), "segmentation", 3),
    ],
)
def test_the_output_of_a_keras_file_tells_its_task(
    tmp_path, shape, task, classes
):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Dense(math.prod(shape))(keras.layers.Flatten()(x))
    model = keras.Model(inputs, keras.layers.Reshape(shape)(x))
    info = open_model(save_keras(model, tmp_path / "a.keras")).info
    assert (info.task, info.classes) == (task, classes)


def test_a_keras_file_of_any_size(tmp_path):
    path = save_keras(colour_segmenter((None, None)), tmp_path / "a.keras")
    with pytest.raises(ValueError, match="`size` must be given"):
        open_model(path).predict(half_green(8, 16))
    found = open_model(path, size=(8, 16)).predict(half_green(8, 16))
    assert found.shares() == [("2", 0.75), ("1", 0.25)]
    # Unless it says it.
    image = ImageSpec(size=(8, 16), crop_mode="squash")
    add_info(path, ModelInfo(task="segmentation", image=image))
    assert (
        open_model(path).predict(half_green(8, 16)).shares() == found.shares()
    )


def test_scaling_and_channels_of_a_keras_model(tmp_path):
    """Blue, green, red in [-1, 1]: the first is that of blue."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    image = ImageSpec(scale=2 / 255, offset=-1, channel_order="bgr")
    path = save_keras(
        model,
        tmp_path / "a.keras",
        labels=("b", "g", "r"),
        image=image,
        output=OutputSpec(kind="logits"),
    )
    powers = {"b": math.e, "g": 1 / math.e, "r": 1 / math.e}
    found = dict(open_model(path).predict(plain((0, 0, 255))))
    total = sum(powers.values())
    assert found == pytest.approx(
        {name: power / total for name, power in powers.items()}, abs=1e-5
    )


def test_one_channel(tmp_path):
    """ITU-R 601: 0.587 of green."""
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    x = keras.layers.Concatenate()([x, keras.layers.Rescaling(0, 146.0)(x)])
    path = save_keras(
        keras.Model(inputs, x),
        tmp_path / "a.keras",
        output=OutputSpec(kind="logits"),
    )
    found = dict(open_model(path).predict(plain((0, 255, 0))))
    # Luma 150 against 146.
    assert found["0"] == pytest.approx(1 / (1 + math.exp(-4)), abs=1e-5)


# === Pictures ===


def test_images_of_every_kind(tmp_path):
    opened = open_model(CLASSIFIER)
    pixels = make_images(1, (40, 70), seed=3)[0]
    (tmp_path / "a.png").write_bytes(encode(pixels))
    expected = opened.model.classify(tmp_path / "a.png")
    pictures = [
        str(tmp_path / "a.png"),
        tmp_path / "a.png",
        encode(pixels),
        Image.fromarray(pixels),
        pixels,
        pixels.astype(np.float32) + 0.25,
        pixels.astype(np.int64),
        keras.ops.convert_to_tensor(pixels),
    ]
    for picture in pictures:
        assert opened.predict(picture) == expected
    assert opened.predict(pictures) == [expected] * len(pictures)
    assert opened.predict(iter(pictures)) == [expected] * len(pictures)
    assert opened.predict(np.stack([pixels] * 11)) == [expected] * 11
    assert opened.predict([]) == []


def test_upright_images():
    """Turned by its EXIF data, given as a Pillow image."""
    image = Image.fromarray(half_green(8, 16))
    image.getexif()[0x0112] = 6  # To be turned by 90 degrees clockwise.
    turned = Image.open(io.BytesIO(encode(image, exif=image.getexif())))
    opened = open_model(FILES / "v1_segmenter_mask_float32.tflite")
    assert opened.predict(turned).mask.shape == (16, 8)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (None, ValueError, "`images` must be a picture or several.*None"),
        (5, ValueError, "`images` must be a picture or several.*5"),
        ("none.jpg", FileNotFoundError, "no picture at none.jpg"),
        (b"no picture", ValueError, "Not a readable picture: <10 bytes>"),
        ([[1, 2]], ValueError, r"must be a path, the bytes.*\[1, 2\]"),
        (np.zeros((4, 4)), ValueError, r"\(height, width, 3\).*\(4, 4\)"),
        (np.zeros((4, 4, 4)), ValueError, r"shape \(4, 4, 4\)"),
        (np.zeros((0, 4, 3)), ValueError, r"shape \(0, 4, 3\)"),
        (np.zeros((4, 4, 3), bool), ValueError, "Received.*bool"),
        (plain(1) - 2.0, ValueError, r"in \[0, 255\].*-1 to -1"),
        (plain(255) + 1.0, ValueError, r"in \[0, 255\].*256 to 256"),
        (plain(1) * np.nan, ValueError, r"in \[0, 255\].*nan"),
    ],
)
def test_what_is_no_image(images, error, message):
    with pytest.raises(error, match=message):
        open_model(CLASSIFIER).predict(images)


def test_pixels_that_were_scaled_already():
    opened = open_model(CLASSIFIER)
    with pytest.warns(UserWarning, match="end at 0.5.*multiply them by 255"):
        opened.predict(np.full((8, 8, 3), 0.5))
    # Black is black.
    assert opened.predict(np.zeros((8, 8, 3))) == opened.predict(plain(0))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("classifier_float32", {"top": 0}, "`top` must be 1 or more.*0"),
        (
            "classifier_float32",
            {"score_threshold": 0.5},
            "option of models for detection.*for classification",
        ),
        (
            "detector_raw_int8",
            {"top": 3},
            "option of models for classification.*for detection",
        ),
    ],
)
def test_options_that_do_not_fit(name, options, message):
    opened = open_model(FILES / f"v1_{name}.tflite")
    with pytest.raises(ValueError, match=message):
        opened.predict(plain(9), **options)


# === What can not be opened ===


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("mobilevit_xxs", {}, "`weights` must be given.*'cifar10'"),
        ("mobilevit_xxl", {}, "must be the name of a variant.*mobilevit_xxl"),
        (None, {}, "`source` must be the name of a variant.*None"),
        ("weights:nothing", {}, "NAME of.*weights:nothing"),
        ("weights:cifar10:mobilevit_s", {}, "cifar10 weights for"),
        ("weights:cifar10", {"weights": None}, "goes with the name"),
        (CLASSIFIER, {"weights": "cifar10"}, "goes with the name"),
        (CLASSIFIER, {"classes": 5}, "`classes` is for networks"),
        (CLASSIFIER, {"task": "detection"}, "a model for classification"),
        (CLASSIFIER, {"task": "depth"}, "`task` must be one of.*'depth'"),
        (CLASSIFIER, {"size": (8, 8)}, r"takes \(32, 48\) pixels.*\(8, 8\)"),
        (CLASSIFIER, {"num_threads": 0}, "whole number from 1"),
        (CLASSIFIER, {"runtime": "onnx"}, "must be one of.*onnx"),
        (pathlib.Path(__file__), {}, "."),
    ],
)
def test_what_is_no_model(source, options, message):
    with pytest.raises(ValueError, match=message):
        open_model(source, **options)


@pytest.mark.parametrize(
    "suffix", ["keras", "tflite", "weights.h5", "safetensors", "pt"]
)
def test_missing_and_damaged_files(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(FileNotFoundError, match="There is no .*a."):
        open_model(path)
    path.write_bytes(b"no model")
    with pytest.raises(ValueError, match=f"a.{suffix}"):
        open_model(path)


def test_keras_files_with_layers_of_others(tmp_path):
    @keras.saving.register_keras_serializable("elsewhere")
    class Foreign(keras.layers.Layer):
        pass

    model = keras.Sequential([keras.Input((8, 8, 3)), Foreign()])
    save_keras(model, tmp_path / "a.keras")
    keras.saving.get_custom_objects().pop("elsewhere>Foreign")
    with pytest.raises(ValueError, match="layers are of Keras or of this"):
        open_model(tmp_path / "a.keras")


def test_keras_models_that_are_of_no_use(tmp_path):
    """Labels that do not fit, several outputs, and other inputs."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    vector = keras.Input((3,))
    for model, facts, message in (
        (colour_classifier(), {"labels": ("a", "b")}, "3 classes.*2 labels"),
        (keras.Model(inputs, [x, x]), {}, "with one output"),
        (
            keras.Model(vector, keras.layers.Dense(2)(vector)),
            {},
            "one picture as its input",
        ),
    ):
        path = save_keras(model, tmp_path / "a.keras", **facts)
        with pytest.raises(ValueError, match=message):
            open_model(path).predict(plain(9))


def test_a_task_of_a_file_that_says_none(tmp_path):
    path = save_keras(colour_segmenter((8, 8)), tmp_path / "a.keras")
    assert open_model(path, task="segmentation").info.task == "segmentation"
    opened = open_model(path, task="classification")
    with pytest.raises(ValueError, match="Expected a Keras classifier"):
        opened.predict(plain(9))


@pytest.mark.parametrize("weights", ["coco", "pascal_voc"])
def test_weights_without_a_variant_are_those_of_the_smallest(
    weights, monkeypatch
):
    from keras_mobilevit import named_models

    asked = []

    def build(*arguments, **options):
        asked.append(arguments)
        return named_models.NamedModel(None, ModelInfo())

    monkeypatch.setattr(named_models, "open_model", build)
    assert open_model(f"weights:{weights}").described
    assert asked == [("mobilevit_xxs", weights)]


# === A fresh process ===

CODE = """
import json, sys
import keras_mobilevit
found = {}
for path in sys.argv[1:]:
    opened = keras_mobilevit.open_model(path)
    result = opened.predict(b"".join([open("photo.png", "rb").read()]))
    found[path] = [opened.info.task, len(result)]
print(json.dumps(found))
"""


@pytest.mark.slow
def test_files_open_in_a_fresh_process(pairs, small, tmp_path):
    (tmp_path / "photo.png").write_bytes(encode(plain(9, 20, 30)))
    small.save_weights(tmp_path / "a.weights.h5")
    save_keras(keras_mobilevit.reparameterize(small), tmp_path / "a.keras")
    paths = [
        *(path for pair in pairs.values() for path in pair),
        tmp_path / "a.weights.h5",
        tmp_path / "a.keras",
    ]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, paths)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    counts = {"classification": 3, "detection": 1, "segmentation": 2}
    for task, pair in pairs.items():
        for path in pair:
            assert found[str(path)] == [task, counts[task]]
    assert found[str(paths[-1])] == found[str(paths[-2])]
    assert found[str(paths[-1])] == ["classification", 3]
