"""Logits against Hugging Face and timm, through their own key layouts."""

import functools
import importlib.util

import keras
import numpy as np
import pytest

from keras_mobilevit import checkpoints
from keras_mobilevit.mobilevit import CONSTRUCTORS
from keras_mobilevit.segmentation import deeplabv3

reference = importlib.import_module("reference")


def load_random_weights(
    model,
    library,
    tmp_path,
    task="classification",
    architecture="mobilevit",
):
    """Loads the oracle's weights as that library publishes them."""
    safetensors_numpy = pytest.importorskip("safetensors.numpy")
    layout = checkpoints.from_keras(
        checkpoints.read_weights(model),
        library,
        task=task,
        architecture=architecture,
    )
    path = tmp_path / "random.safetensors"
    safetensors_numpy.save_file(
        {
            key: reference.random_tensor(key, value.shape)
            for key, value in layout.items()
        },
        path,
    )
    checkpoints.load_weights(model, path)


def logits(model, image):
    return keras.ops.convert_to_numpy(model(255 * image, training=False))


def assert_close(actual, expected):
    """Relative to the largest logit, as float32 sums differ in order."""
    difference = np.abs(actual - expected).max() / np.abs(expected).max()
    assert difference <= 1e-5


@functools.cache
def make(variant):
    """The same one for all tests: each loads weights of its own."""
    return CONSTRUCTORS[variant](
        weights=None,
        input_shape=(None, None, 3),
        classifier_activation=None,
    )


@pytest.mark.parametrize("variant", reference.VARIANTS)
@pytest.mark.parametrize("library", reference.LIBRARIES)
def test_goldens(library, variant, tmp_path):
    model = make(variant)
    load_random_weights(model, library, tmp_path)
    with np.load(reference.GOLDEN_FILE) as goldens:
        for height, width in reference.SIZES:
            expected = goldens[f"{library}/{variant}/{height}x{width}"]
            image = reference.random_image((height, width))
            assert_close(logits(model, image), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch, transformers and timm
@pytest.mark.parametrize("variant", reference.VARIANTS)
@pytest.mark.parametrize(
    ("library", "module"), [("hf", "transformers"), ("timm", "timm")]
)
def test_live(library, module, variant, tmp_path):
    for name in ("torch", module):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    model = make(variant)
    load_random_weights(model, library, tmp_path)
    oracle = reference.make_model(library, variant)
    for size in reference.SIZES:
        image = reference.random_image(size)
        expected = reference.run_model(library, oracle, image)
        assert_close(logits(model, image), expected)


# === Segmentation ===


def segmenters(variant, stride, tmp_path):
    """The network with the oracle's weights, to the map and to the image."""
    whole = deeplabv3.CONSTRUCTORS[variant](
        weights=None, input_shape=(None, None, 3), output_stride=stride
    )
    load_random_weights(whole, "hf", tmp_path, "segmentation")
    logits = whole.get_layer("pixel_predictions").output
    return keras.Model(whole.input, logits), whole


@pytest.mark.parametrize("variant", reference.VARIANTS)
@pytest.mark.parametrize("stride", reference.SEGMENTATION_SIZES)
def test_segmentation_goldens(variant, stride, tmp_path):
    cut, whole = segmenters(variant, stride, tmp_path)
    image = reference.random_image(reference.SEGMENTATION_SIZES[stride])
    upsampled = logits(whole, image)
    assert upsampled.shape[1:3] == image.shape[1:3]
    name = f"deeplabv3/{variant}/{stride}"
    with np.load(reference.GOLDEN_FILE) as goldens:
        assert_close(logits(cut, image), goldens[name])
        expected = goldens[f"{name}/upsampled"]
    assert_close(upsampled[reference.UPSAMPLED], expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch and transformers
@pytest.mark.parametrize("variant", reference.VARIANTS)
@pytest.mark.parametrize("stride", reference.SEGMENTATION_SIZES)
def test_segmentation_live(variant, stride, tmp_path):
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    cut, whole = segmenters(variant, stride, tmp_path)
    oracle = reference.make_segmenter(variant, stride)
    for size in reference.SEGMENTATION_SIZES.values():
        image = reference.random_image(size)
        expected = reference.run_segmenter(oracle, image)
        for model, values in zip((cut, whole), expected, strict=True):
            assert_close(logits(model, image), values)
