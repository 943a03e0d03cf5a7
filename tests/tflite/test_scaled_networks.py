"""Networks that take [0, 255], [0, 1] or normalised pixels: equal files."""

import keras
import numpy as np
import pytest
from exported import predict
from image_files import encode, write_folder
from small_model import make_images
from tiny_model import TINY_SIZE

from keras_mobilevit import open_model
from keras_mobilevit.checkpoints import add_info
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.pixel_scaling import SCALINGS
from keras_mobilevit.tflite import (
    calibration_set,
    evaluate,
    export_tflite,
    inspect,
    read_metadata,
)
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.training.distillation import load_teacher

IMAGES = np.stack(make_images(40, TINY_SIZE, seed=1))
TESTS = make_images(8, TINY_SIZE, seed=3)


@pytest.fixture(scope="module")
def networks(tiny):
    """Scaling -> the tiny network for it; all compute the same of a picture."""
    body = keras.Model(
        tiny.get_layer("preprocessing").output, tiny.output, name="body"
    )
    inputs = keras.Input((*TINY_SIZE, 3))
    imagenet = keras.layers.Rescaling(
        [0.229, 0.224, 0.225], [0.485, 0.456, 0.406], name="undo"
    )
    return {
        "pixels": tiny,
        "unit": body,
        "imagenet": keras.Model(inputs, body(imagenet(inputs))),
    }


@pytest.fixture(scope="module")
def int8_files(networks, tmp_path_factory):
    """From calibration images in the convention of each."""
    folder = tmp_path_factory.mktemp("scaled")
    return {
        name: export_tflite(
            model,
            folder / f"{name}.tflite",
            "int8",
            calibration=SCALINGS[name].apply(IMAGES),
            scaling=name,
        )
        for name, model in networks.items()
    }


@pytest.mark.parametrize("name", ["unit", "imagenet"])
def test_float_files(networks, tmp_path, name):
    path = export_tflite(
        networks[name], tmp_path / "a.tflite", "float32", scaling=name
    )
    expected = predict(networks["pixels"], TESTS)
    assert sqnr(expected, predict(path, TESTS)) > 80
    image = read_metadata(path).image
    assert (image.scale, image.offset) == (1, 0)


def test_int8_files(networks, int8_files):
    expected = predict(networks["pixels"], TESTS)
    found = {
        name: sqnr(expected, predict(path, TESTS))
        for name, path in int8_files.items()
    }
    assert found["pixels"] > 15
    # No multiplication by a constant of each channel is as exact.
    assert found["unit"] == pytest.approx(found["pixels"], abs=2)
    assert found["imagenet"] == pytest.approx(found["pixels"], abs=3)
    for path in int8_files.values():
        inspect(path).require_full_delegation()


def test_it_has_to_be_asked(networks, tmp_path):
    path = tmp_path / "a.tflite"
    with pytest.raises(ValueError, match=r"`ConvBlock` 'stem'.*--scaling"):
        export_tflite(networks["unit"], path, "float32")
    assert not path.exists()
    networks["unit"].save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match=r"`ConvBlock` 'stem'.*--scaling"):
        open_model(tmp_path / "a.keras")


def test_readers_of_a_keras_file(networks, tmp_path):
    """As asked, as recorded, and as a teacher."""
    path, pixels = tmp_path / "a.keras", TESTS[0]
    networks["unit"].save(path)
    ((expected,),) = (predict(networks["pixels"], [pixels]),)
    asked = open_model(path, scaling="unit")
    add_info(path, ModelInfo(image=ImageSpec(scale=1 / 255)))
    recorded = open_model(path)
    for opened in (asked, recorded):
        assert opened.info.image.scale == 1 / 255
        found = dict(opened.predict(pixels))
        assert [found[str(i)] for i in range(5)] == pytest.approx(
            expected.tolist(), abs=1e-4
        )
    teach = load_teacher(path, 5)
    np.testing.assert_allclose(
        teach(pixels[None].astype(np.float32))[0], expected, atol=1e-4
    )


def test_evaluation(networks, tmp_path):
    files = {f"{i}.png": encode(image) for i, image in enumerate(TESTS)}
    folder = write_folder(tmp_path / "pictures", files)
    results = evaluate(networks, folder, scaling={n: n for n in networks})
    assert all(result.sqnr > 80 for result in results.values())
    with pytest.raises(ValueError, match="it begins with `ConvBlock` 'stem'"):
        evaluate({"a": networks["unit"]}, folder)


# === Calibration images ===


@pytest.mark.parametrize("name", list(SCALINGS))
def test_images_in_the_convention_of_the_network(name):
    """They are pixels again, and pixels stay what they are."""
    scaling, shape = SCALINGS[name], (*TINY_SIZE, 3)
    for images in (IMAGES, scaling.apply(IMAGES), [*scaling.apply(IMAGES)]):
        found = calibration_set(images, shape, scaling=scaling).images
        np.testing.assert_allclose(found, IMAGES, atol=1e-3)


def test_images_that_fit_no_convention():
    shape, signed = (*TINY_SIZE, 3), SCALINGS["signed"].apply(IMAGES)
    with pytest.raises(ValueError, match=r"which the model takes and.*-1"):
        calibration_set(signed, shape)
    with pytest.raises(ValueError, match=r"or values in \[0, 1\], as the.*-1"):
        calibration_set(signed, shape, scaling=SCALINGS["unit"])
