"""Folders in which Hugging Face saves a model, and its TensorFlow files."""

import json

import h5py
import numpy as np
import pytest
import synthetic
from safetensors.numpy import save_file

from keras_mobilevit import MobileViTXXS, open_model
from keras_mobilevit.checkpoints import (
    identify,
    load_weights,
    read_info,
    read_output_stride,
    read_tensors,
    read_weights,
)
from keras_mobilevit.conversion import convert

LABELS = ("ant", "bee", "cow", "dog", "eel", "fox", "gnu")[: synthetic.CLASSES]
# As `save_pretrained` writes them, less what nobody reads.
CONFIG = {
    "architectures": ["MobileViTForImageClassification"],
    "id2label": {str(index): label for index, label in enumerate(LABELS)},
    "image_size": 256,
    "model_type": "mobilevit",
    "output_stride": 32,
}
PREPROCESSOR = {
    "crop_size": {"height": 64, "width": 96},
    "do_center_crop": True,
    "do_flip_channel_order": True,
    "size": {"shortest_edge": 80},
}


@pytest.fixture
def folder(tmp_path, checkpoint):
    """Writes a folder, and returns its path."""

    def write(config=CONFIG, preprocessor=PREPROCESSOR, weights="safetensors"):
        path = tmp_path / "model"
        path.mkdir()
        tensors = checkpoint.tensors("hf")
        if weights == "safetensors":
            save_file(tensors, path / "model.safetensors")
        elif weights == "bin":
            synthetic.write_torch_zip(path / "pytorch_model.bin", tensors)
        for name, content in (
            ("config.json", config),
            ("preprocessor_config.json", preprocessor),
        ):
            if content is not None:
                (path / name).write_text(json.dumps(content))
        return path

    return write


@pytest.mark.parametrize("weights", ["safetensors", "bin"])
def test_loads_a_folder(folder, checkpoint, model, weights):
    path = folder(weights=weights)
    assert identify(path).layout == "hf"
    load_weights(model, path)
    stem = checkpoint.base["conv_1.block.conv.weight"]  # (O, I, h, w), RGB
    np.testing.assert_array_equal(
        read_weights(model)["stem/conv/kernel"], stem.transpose(2, 3, 1, 0)
    )


def test_the_channel_order_is_that_of_the_preprocessor(
    folder, checkpoint, model
):
    """A model that was fine-tuned on RGB says that nothing is flipped."""
    path = folder(preprocessor={**PREPROCESSOR, "do_flip_channel_order": False})
    load_weights(model, path)
    bgr = read_weights(model)["stem/conv/kernel"]
    load_weights(model, path, channel_order="bgr")
    rgb = read_weights(model)["stem/conv/kernel"]
    np.testing.assert_array_equal(bgr, rgb[:, :, ::-1])
    assert not np.array_equal(bgr, rgb)


def test_info_of_a_folder(folder):
    info = read_info(folder())
    assert info.labels == LABELS
    assert info.classes == synthetic.CLASSES
    assert info.task == "classification"
    assert info.image.size == (64, 96)
    assert info.image.crop_pct == 64 / 80
    assert info.output.stride is None


def test_info_of_a_segmentation_network(folder):
    path = folder(
        {
            **CONFIG,
            "architectures": ["MobileViTForSemanticSegmentation"],
            "output_stride": 16,
        },
        {"crop_size": 512, "size": 544},
    )
    info = read_info(path)
    assert info.task == "segmentation"
    assert info.image.size == (512, 512)
    assert info.image.crop_mode == "squash"
    assert read_output_stride(path) == 16


def test_opens_a_folder(folder, checkpoint):
    path = folder()
    opened = open_model(path)
    assert opened.described
    assert opened.info.labels == LABELS
    assert opened.model.input_shape == (None, 64, 96, 3)
    np.testing.assert_array_equal(
        read_weights(opened.model)["predictions/bias"],
        checkpoint.base["classifier.fc.bias"],
    )
    built = MobileViTXXS(
        weights=str(path), classes=synthetic.CLASSES, input_shape=(64, 96, 3)
    )
    image = np.full((1, 64, 96, 3), 100, np.float32)
    np.testing.assert_array_equal(opened.model(image), built(image))


def test_converts_a_folder(folder, tmp_path):
    target = tmp_path / "model.weights.h5"
    convert(folder(), target)
    info = read_info(target)
    assert info.labels == LABELS
    assert info.image.crop_pct == 64 / 80


def test_without_descriptions(folder):
    """Names that the library invents are none."""
    unnamed = {str(i): f"LABEL_{i}" for i in range(synthetic.CLASSES)}
    path = folder({**CONFIG, "id2label": unnamed}, preprocessor=None)
    opened = open_model(path)
    assert opened.info.labels == ()
    assert opened.info.classes == synthetic.CLASSES
    assert opened.info.image.size == (256, 256)
    (path / "config.json").unlink()
    assert read_info(path) is None
    assert not open_model(path).described


def test_a_damaged_description(folder):
    path = folder({**CONFIG, "id2label": {"0": 1, "1": "b"}})
    with pytest.raises(ValueError, match="`labels` must be a list of"):
        read_info(path)
    (path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json"):
        open_model(path)


def test_a_folder_without_weights_that_are_read(folder):
    path = folder(weights=None)
    with pytest.raises(FileNotFoundError, match="Received: neither"):
        open_model(path)
    (path / "tf_model.h5").touch()
    with pytest.raises(FileNotFoundError, match=r"only tf_model\.h5"):
        read_tensors(path)


def test_the_tensorflow_file_names_those_that_are_read(tmp_path):
    path = tmp_path / "tf_model.h5"
    network = "tf_mobile_vi_t_for_image_classification/mobilevit"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"mobilevit", b"classifier"]
        file[f"mobilevit/{network}/encoder/layer_._0/kernel:0"] = np.ones(3)
    with pytest.raises(ValueError, match=r"TensorFlow.*model\.safetensors"):
        read_tensors(path)
