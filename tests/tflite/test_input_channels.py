"""Order and scale of the channels, as the description of a model says.

Networks that swap red and blue, and multiply by 255, say of themselves that
they take BGR in [0, 1]: their answers are those of the networks inside.
"""

import dataclasses

import keras
import numpy as np
import pytest
from dense_models import LABELS, SIZE, colour_segmenter, predictions_of
from image_files import encode

from keras_mobilevit.model_info import ImageSpec, ModelInfo, OutputSpec
from keras_mobilevit.opening import OpenedModel
from keras_mobilevit.tflite import Detector, ImageModel, Segmenter, convert
from keras_mobilevit.tflite.metadata import append_metadata
from keras_mobilevit.training.distillation import load_teacher

BGR = ImageSpec(channel_order="bgr", scale=1 / 255)
CAT = ((0.1, 0.2, 0.5, 0.6), 1, 0.9)
DOG = ((0.5, 0.5, 0.9, 0.75), 2, 0.7)


def colour_detector():
    """Finds the cat on red pictures, and the dog on blue ones."""
    found = np.stack([predictions_of(*x) for x in ((CAT,), (), (DOG,))])
    inputs = keras.Input((*SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(found[0].size, use_bias=False)
    x = dense(keras.layers.Rescaling(1 / 255)(x))
    dense.kernel.assign(found.reshape(3, -1))
    return keras.Model(inputs, keras.layers.Reshape(found.shape[1:])(x))


def colour_classifier():
    """Shares of red, green and blue as logits."""
    inputs = keras.Input((8, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Rescaling(1 / 25)(x))


MODELS = {
    "classification": (colour_classifier, ("red", "green", "blue"), {}),
    "detection": (
        colour_detector,
        LABELS[1:],
        {"kind": "anchors", "label_offset": 1},
    ),
    "segmentation": (
        lambda: colour_segmenter((8, 16)),
        ("red", "green", "blue"),
        {"kind": "logits"},
    ),
}


@pytest.fixture(scope="module", params=MODELS)
def pairs(request, tmp_path_factory):
    return make_pairs(request.param, tmp_path_factory.mktemp("files"))


def make_pairs(task, folder):
    """Form -> a network, and the one that swaps the channels."""
    make, labels, output = MODELS[task]
    info = ModelInfo(
        task=task,
        labels=labels,
        image=ImageSpec(crop_mode="squash"),
        output=OutputSpec(**({"kind": "logits"} | output)),
    )
    swapped_info = info.with_image(
        channel_order=BGR.channel_order, scale=BGR.scale
    )
    plain = make()
    inputs = keras.Input(plain.input_shape[1:])
    swap = keras.layers.Conv2D(3, 1, use_bias=False)
    swapped = keras.Model(inputs, plain(swap(inputs)))
    swap.kernel.assign(255 * np.eye(3)[::-1][None, None])
    found = {"keras": [], "tflite": []}
    for name, model, facts in (
        ("plain", plain, info),
        ("swapped", swapped, swapped_info),
    ):
        path = folder / f"{name}.tflite"
        path.write_bytes(append_metadata(convert(model), facts))
        found["keras"].append(OpenedModel(model, facts))
        found["tflite"].append(OpenedModel(ImageModel(path), facts))
    return found


def picture(task):
    """Red, and blue on the right unless objects are to be found."""
    image = np.zeros((200, 400, 3), np.uint8)
    image[..., 0] = 255
    if task != "detection":
        image[:, 300:] = (0, 30, 255)
    return encode(image)


def are_equal(expected, found):
    """Up to what the order of float operations changes."""
    if hasattr(expected, "mask"):
        return (expected.mask == found.mask).all()
    names = [[x for x in row if isinstance(x, str)] for row in expected]
    if names != [[x for x in row if isinstance(x, str)] for row in found]:
        return False
    return all(
        np.allclose(a, b, atol=1e-3)
        for one, other in zip(expected, found, strict=True)
        for a, b in zip(one, other, strict=True)
        if not isinstance(a, str)
    )


@pytest.mark.parametrize("form", ["keras", "tflite"])
def test_answers_are_equal(pairs, form):
    plain, swapped = pairs[form]
    photo = picture(plain.info.task)
    expected = plain.predict(photo)
    assert len(expected) > 0
    assert are_equal(expected, swapped.predict(photo))
    # Were it not for the description, red would be blue.
    told = dataclasses.replace(swapped.info, image=plain.info.image)
    unaware = OpenedModel(swapped.model, told)
    assert not are_equal(expected, unaware.predict(photo))


def test_of_a_file_that_is_opened_by_its_path(pairs):
    plain, swapped = pairs["tflite"]
    task = plain.info.task
    photo = picture(task)
    if task == "classification":
        assert are_equal(plain.predict(photo), swapped.model.classify(photo))
        return
    kind = {"detection": Detector, "segmentation": Segmenter}[task]
    expected, found = (
        kind(opened.model.path).predict([photo]) for opened in (plain, swapped)
    )
    if task == "detection":
        assert found[0] and are_equal(expected[0], found[0])
    else:
        np.testing.assert_array_equal(found, expected)


def test_of_a_teacher(tmp_path):
    plain, swapped = make_pairs("classification", tmp_path)["tflite"]
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 16, 3))
    images = images.astype(np.float32)
    expected, found = (
        load_teacher(opened.model.path, classes=3)(images)
        for opened in (plain, swapped)
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize(
    ("offset", "labels"), [(1, ("cat", "dog")), (0, LABELS)]
)
def test_labels_begin_where_the_description_says(offset, labels):
    info = ModelInfo(
        task="detection",
        labels=labels,
        output=OutputSpec(kind="anchors", label_offset=offset),
    )
    detector = Detector(colour_detector(), info=info)
    assert detector.labels == LABELS
