"""Loading: every kind of file, and a model that no failure changes."""

import pathlib
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
import synthetic
from assertions import assert_refused, assert_same

from keras_mobilevit.backbone import feature_pyramid
from keras_mobilevit.checkpoints import (
    CheckpointInfo,
    file_kind,
    identify,
    load_weights,
    read_tensors,
    read_weights,
    save_safetensors,
)
from keras_mobilevit.configs import VARIANTS
from keras_mobilevit.mobilevit import MobileViTXS

STEM = "stem.conv.weight"


@pytest.fixture
def timm(checkpoint, tmp_path):
    """Writes a timm checkpoint after an edit of its tensors."""

    def write(edit=lambda tensors: None):
        tensors = checkpoint.tensors("timm")
        edit(tensors)
        synthetic.write_torch_zip(tmp_path / "edited.pt", tensors)
        return tmp_path / "edited.pt"

    return write


# === What loads ===


@pytest.mark.parametrize(
    ("layout", "kind"),
    [
        ("cvnets", "torch"),
        ("timm", "torch"),
        ("hf", "torch"),
        ("kecam", "kecam"),
    ],
)
def test_loads_every_layout(model, checkpoint, tmp_path, layout, kind):
    # Named against its contents: the suffix must not matter.
    path = checkpoint.write(layout, tmp_path / "file.weights.h5")
    assert identify(path) == CheckpointInfo(
        kind, layout, "mobilevit_xxs", synthetic.CLASSES
    )
    load_weights(model, path)
    weights = read_weights(model)
    stem = checkpoint.base["conv_1.block.conv.weight"]  # (O, I, h, w), RGB
    np.testing.assert_array_equal(
        weights["stem/conv/kernel"], stem.transpose(2, 3, 1, 0)
    )
    fusion = checkpoint.base["layer_5.1.fusion.block.norm.running_var"]
    np.testing.assert_array_equal(
        weights["stage5_block/fusion/norm/moving_variance"], fusion
    )


def test_layouts_give_the_same_outputs(model, checkpoint, tmp_path):
    image = np.random.default_rng(0).uniform(size=(1, 64, 64, 3))
    outputs = []
    for layout in ("cvnets", "timm", "hf", "kecam"):
        load_weights(model, checkpoint.write(layout, tmp_path / layout))
        outputs.append(np.array(model(image.astype(np.float32))))
    assert np.ptp(outputs[0]) > 0
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])


def test_channel_order_override(model, checkpoint, tmp_path):
    path = checkpoint.write("timm", tmp_path / "file")
    load_weights(model, path)
    rgb = read_weights(model)["stem/conv/kernel"]
    load_weights(model, path, channel_order="bgr")
    bgr = read_weights(model)["stem/conv/kernel"]
    np.testing.assert_array_equal(bgr, rgb[:, :, ::-1])
    assert not np.array_equal(bgr, rgb)


def test_loads_a_whole_kecam_model(model, checkpoint, tmp_path):
    tensors = checkpoint.tensors("kecam")
    synthetic.write_kecam(tmp_path / "a.h5", tensors, whole_model=True)
    assert_same(read_tensors(tmp_path / "a.h5"), tensors)
    load_weights(model, tmp_path / "a.h5")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".safetensors"])
def test_round_trip_through_a_file(model, build, tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
        save_safetensors(model, path)
    elif suffix == ".keras":
        model.save(path)
    else:
        model.save_weights(path)
    expected = {".keras": "keras", ".weights.h5": "keras_h5"}
    kind = expected.get(suffix, "safetensors")
    layout = "timm" if kind == "safetensors" else "keras"
    assert identify(path) == CheckpointInfo(
        kind, layout, "mobilevit_xxs", synthetic.CLASSES
    )
    other = build()
    load_weights(other, path)
    assert_same(read_weights(other), read_weights(model))


def test_keras_files_do_not_depend_on_layer_counters(model, tmp_path):
    # Keras files by class and order; another Dense in front would shift it.
    model.save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        archive.extract("model.weights.h5", tmp_path)
    before = read_weights(model)
    with h5py.File(tmp_path / "model.weights.h5", "r+") as file:
        file.move("layers/dense", "layers/dense_1")
    load_weights(model, tmp_path / "model.weights.h5")
    assert_same(before, read_weights(model))


def test_compiled_keras_file_with_optimizer_loads(model, build, tmp_path):
    other = build()
    other.compile("adam", "mse")
    other.optimizer.build(other.trainable_variables)
    other.save(tmp_path / "a.keras")
    load_weights(model, tmp_path / "a.keras")
    assert_same(read_weights(model), read_weights(other))


@pytest.mark.slow
@pytest.mark.parametrize("writer", ["torch", "keras"])
def test_classifier_is_left_out(model, build, checkpoint, tmp_path, writer):
    path = tmp_path / "file.weights.h5"
    if writer == "keras":
        model.save_weights(path)
    else:
        checkpoint.write("hf", path)
    load_weights(model, path)
    headless = build(include_top=False)
    image = keras.Input((64, 64, 3))
    pyramid = feature_pyramid(image, VARIANTS["mobilevit_xxs"])
    backbone = keras.Model(image, pyramid)
    for other in (headless, backbone):
        load_weights(other, path)
        weights = read_weights(other)
        assert 0 < len(weights) < len(model.weights)
        for path_, array in read_weights(model).items():
            if path_ in weights:
                np.testing.assert_array_equal(weights[path_], array)


def test_half_precision_is_widened(model, timm):
    def halve(tensors):
        tensors[STEM] = tensors[STEM].astype(np.float16)

    path = timm(halve)
    load_weights(model, path)
    kernel = read_weights(model)["stem/conv/kernel"]
    assert kernel.dtype == np.float32
    expected = read_tensors(path)[STEM].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(kernel, expected.astype(np.float32))


def test_safetensors_bfloat16(tmp_path):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    tensors = {"a": torch.tensor([1.5, -2.5]).bfloat16()}
    safetensors.save_file(tensors, tmp_path / "file")
    found = read_tensors(tmp_path / "file")["a"]
    assert found.dtype == np.float32
    assert found.tolist() == [1.5, -2.5]


def test_safetensors_file_is_that_of_timm(model, checkpoint, tmp_path):
    safetensors = pytest.importorskip("safetensors")
    path = checkpoint.write("timm", tmp_path / "in.pt")
    load_weights(model, path)
    save_safetensors(model, tmp_path / "out.safetensors")
    expected = checkpoint.tensors("timm")
    for key in expected:
        if key.endswith("num_batches_tracked"):
            expected[key] = np.array(0, np.int64)
    assert_same(read_tensors(tmp_path / "out.safetensors"), expected)
    with safetensors.safe_open(tmp_path / "out.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt"}
    assert not list(tmp_path.glob("*.part"))


# === What is refused ===


def test_missing_key(model, timm):
    path = timm(lambda t: t.pop("stages.2.1.norm.bias"))
    assert_refused(model, path, "1 missing: stages.2.1.norm.bias")


def test_many_missing_keys_are_cut_short(model, timm):
    def edit(tensors):
        for key in list(tensors):
            if key.startswith("stages.4."):
                del tensors[key]

    assert_refused(model, timm(edit), r"\d\d missing: stages.4.*, \.\.\.\.$")


def test_unknown_key(model, timm):
    def edit(tensors):
        tensors["head.fc2.weight"] = np.ones(3, np.float32)

    assert_refused(model, timm(edit), "1 unknown: head.fc2.weight")


def test_wrong_shape(model, timm):
    def edit(tensors):
        tensors[STEM] = tensors[STEM][:, :1].copy()

    match = r"another shape: stem.conv.weight \(16, 1, 3, 3\), the model has"
    assert_refused(model, timm(edit), match)


def test_integers_for_weights(model, timm):
    def edit(tensors):
        tensors[STEM] = np.ones((16, 3, 3, 3), np.int64)

    assert_refused(model, timm(edit), "not floating point: stem.conv.weight")


@pytest.mark.parametrize("layout", ["cvnets", "hf", "kecam"])
def test_wrong_variant(model, tmp_path, layout):
    other = synthetic.Checkpoint("xs")
    path = other.write(layout, tmp_path / "file")
    match = "holds mobilevit_xs weights, the model is mobilevit_xxs"
    assert_refused(model, path, match)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_wrong_variant_in_keras_files(model, tmp_path, suffix):
    other = MobileViTXS(weights=None, input_shape=(64, 64, 3), classes=3)
    path = tmp_path / f"file{suffix}"
    other.save_weights(path) if suffix == ".weights.h5" else other.save(path)
    match = "holds mobilevit_xs weights, the model is mobilevit_xxs"
    assert_refused(model, path, match)


@pytest.mark.slow
def test_wrong_classes(model, build, tmp_path):
    other = synthetic.Checkpoint(classes=11)
    for layout in ("cvnets", "kecam"):
        path = other.write(layout, tmp_path / layout)
        assert_refused(model, path, "the model has 7. Pass `classes=11`")
    build(classes=11).save_weights(tmp_path / "a.weights.h5")
    assert_refused(model, tmp_path / "a.weights.h5", "Pass `classes=11`")


@pytest.mark.slow
def test_keras_file_edits(model, tmp_path):
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        del file["layers/conv_block/conv/vars/0"]
    assert_refused(model, path, "none of the known MobileViT key layouts")
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        del file["layers/mobile_vi_t_block/fusion/norm/vars/3"]
    assert_refused(model, path, "1 missing: stage3_block/fusion/norm/3")
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        file["layers/dense/vars/2"] = np.ones(3, np.float32)
    assert_refused(model, path, "1 unknown: predictions/2")
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        del file["layers/conv_block/norm/vars/0"]
        file["layers/conv_block/norm/vars/0"] = np.ones(3, np.float32)
    assert_refused(model, path, r"stem/norm/0 \(3,\), the model has \(16,\)")


def test_headless_file_for_a_classifier(model, build, tmp_path):
    path = tmp_path / "a.weights.h5"
    build(include_top=False).save_weights(path)
    assert identify(path).classes is None
    assert_refused(model, path, "2 missing: predictions/0, predictions/1")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>", "looks like an HTML page"),
        (b"<html>404</html>", "probably a failed download"),
        (b"version https://git-lfs.github.com/spec", "Git LFS pointer"),
        (b"hello there", "starts with b'hello there'"),
        (b"cposix\nsystem\n", "is none of these"),
        (b"\x89HDF\r\n\x1a\n", "is damaged"),
        (b"PK\x03\x04", "is damaged"),
        (b"\x80\x02", "Cannot read"),
    ],
    ids=repr,
)
def test_impostors(model, tmp_path, content, match):
    path = tmp_path / "weights.h5"
    path.write_bytes(content)
    assert_refused(model, path, match)


@pytest.mark.parametrize(
    "name", ["a.weights.h5", "a.keras", "a.safetensors", "a.pt", "a.h5"]
)
def test_truncated(model, checkpoint, tmp_path, name):
    path = tmp_path / name
    if name == "a.pt":
        checkpoint.write("timm", path)
    elif name == "a.h5":
        checkpoint.write("kecam", path)
    elif name == "a.safetensors":
        pytest.importorskip("safetensors")
        save_safetensors(model, path)
    elif name == "a.keras":
        model.save(path)
    else:
        model.save_weights(path)
    content = path.read_bytes()
    for part in (0.3, 0.9, 0.999):
        path.write_bytes(content[: int(part * len(content))])
        assert_refused(model, path, "damaged|Cannot read")


def test_hostile_pickle(model, tmp_path):
    content = b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R."
    synthetic.write_torch_zip(tmp_path / "a.pt", {}, content)
    assert_refused(model, tmp_path / "a.pt", "`posix.system`")


def test_missing_file(model, tmp_path):
    assert_refused(model, tmp_path / "a.pt", "a.pt", FileNotFoundError)


def test_other_archives_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = [1, 2]
    for name in ("a.zip", "a.h5"):
        with pytest.raises(ValueError, match="Expected a checkpoint"):
            file_kind(tmp_path / name)


def test_hdf5_may_not_refer_to_other_files(model, checkpoint, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(64))
    path = checkpoint.write("kecam", tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        del file["stem_bn/stem_bn/gamma:0"]
        file.create_dataset(
            "stem_bn/stem_bn/gamma:0",
            (16,),
            "f4",
            external=[(str(tmp_path / "secret"), 0, 64)],
        )
    assert_refused(model, path, "refers to another file")


def test_other_models_are_refused(checkpoint, tmp_path):
    path = checkpoint.write("timm", tmp_path / "a.pt")
    image = keras.Input((8,))
    other = keras.Model(image, keras.layers.Dense(2, name="d")(image))
    with pytest.raises(ValueError, match="has other weights: d/bias"):
        load_weights(other, path)
    with pytest.raises(ValueError, match="has other weights"):
        save_safetensors(other, tmp_path / "a.safetensors")
    assert not (tmp_path / "a.safetensors").exists()


def test_without_safetensors(model, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"\x02" + bytes(7) + b"{}")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    match = r'pip install "keras-mobilevit\[checkpoints\]"'
    assert_refused(model, path, match, ImportError)


def test_failed_save_keeps_the_old_file(model, tmp_path, monkeypatch):
    safetensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")

    def fail(tensors, part, metadata):
        pathlib.Path(part).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(safetensors, "save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        save_safetensors(model, path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
