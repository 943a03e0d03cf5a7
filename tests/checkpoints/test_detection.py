"""Checkpoints of detectors, and backbones for them."""

import numpy as np
import pytest
import synthetic
from assertions import assert_refused, assert_same
from key_lists import read_shapes

from keras_mobilevit import MobileViTBackbone, detection
from keras_mobilevit.architectures.mobilevit import COCO
from keras_mobilevit.checkpoints import (
    CheckpointInfo,
    fetch,
    identify,
    layouts,
    load_weights,
    read_tensors,
    read_weights,
    save_safetensors,
)
from keras_mobilevit.conversion import convert
from keras_mobilevit.detection import MobileViTSSDLiteXXS

TASK = "detection"
KEYS = "cvnets_ssd"
CLASSES = 5


class SSDCheckpoint:
    """Random weights under Apple's keys, for BGR images."""

    def __init__(self, variant="xxs", classes=CLASSES):
        rng = np.random.default_rng(0)
        self.tensors = {}
        for key, shape in read_shapes(KEYS, variant).items():
            # Six anchors a cell, or four, of 4 offsets and 81 classes.
            resized = {510: 6 * (4 + classes), 340: 4 * (4 + classes)}
            shape = [resized.get(n, n) for n in shape]
            if key.endswith("num_batches_tracked"):
                self.tensors[key] = np.array(5, np.int64)
                continue
            # Positive, so that they serve as variances too.
            values = rng.uniform(0.01, 0.1, shape)
            self.tensors[key] = values.astype(np.float32)

    def write(self, path):
        synthetic.write_torch_zip(path, self.tensors)
        return path


@pytest.fixture(scope="module")
def ssd():
    return SSDCheckpoint()


def build(**options):
    options = {"classes": CLASSES, "weights": None, **options}
    return MobileViTSSDLiteXXS(input_shape=(32, 32, 3), **options)


@pytest.fixture(scope="module")
def shared_detector():
    return build()


@pytest.fixture
def detector(shared_detector):
    """A network with known random weights, new in every test."""
    rng = np.random.default_rng(1)
    for variable in shared_detector.weights:
        variable.assign(rng.uniform(0.01, 0.1, variable.shape))
    return shared_detector


# === Keys ===


def test_table_covers_the_model(detector):
    paths = [weight.path for weight in layouts.table("keras", TASK)]
    assert len(paths) == len(set(paths))
    assert set(paths) == {v.path for v in detector.weights}


@pytest.mark.parametrize("variant", ["xxs", "xs", "s"])
def test_keys_are_those_of_the_reference(variant):
    reference = read_shapes(KEYS, variant)
    keys = {weight.key for weight in layouts.table("cvnets", TASK)}
    assert keys == {k for k in reference if "num_batches_tracked" not in k}


@pytest.mark.parametrize("variant", ["xxs", "xs", "s"])
def test_shapes_are_those_of_the_reference(variant):
    """With 81 classes; of the published files only these are known."""
    constructor = {
        "xxs": detection.MobileViTSSDLiteXXS,
        "xs": detection.MobileViTSSDLiteXS,
        "s": detection.MobileViTSSDLiteS,
    }[variant]
    model = constructor(weights=None, input_shape=(32, 32, 3))
    reference = read_shapes(KEYS, variant)
    tensors = layouts.from_keras(read_weights(model), "cvnets", task=TASK)
    found = {key: list(array.shape) for key, array in tensors.items()}
    assert found == reference
    counters = [k for k in found if k.endswith("num_batches_tracked")]
    assert len(counters) == 44


def test_transposes(ssd):
    torch = ssd.tensors
    keras = layouts.to_keras(torch, "cvnets", task=TASK)
    for path, key in (
        ("extra2_pointwise/conv", "extra_layers.os_64.pw_conv.block.conv"),
        ("extra5_conv", "extra_layers.os_-1.1.block.conv"),
        ("head0_project/conv", "ssd_heads.0.proj_layer.block.conv"),
        ("head4_predict", "ssd_heads.4.loc_cls_layer.pw_conv.block.conv"),
        ("head5_predict", "ssd_heads.5.loc_cls_layer.block.conv"),
    ):
        kernel = torch[f"{key}.weight"].transpose(2, 3, 1, 0)
        np.testing.assert_array_equal(keras[f"{path}/kernel"], kernel)
    for path, key in (
        ("extra4_depthwise", "extra_layers.os_256.dw_conv.block"),
        ("head3_depthwise", "ssd_heads.3.loc_cls_layer.dw_conv.block"),
    ):
        kernel = torch[f"{key}.conv.weight"].transpose(2, 3, 0, 1)
        np.testing.assert_array_equal(keras[f"{path}/conv/kernel"], kernel)
        variance = torch[f"{key}.norm.running_var"]
        found = keras[f"{path}/norm/moving_variance"]
        np.testing.assert_array_equal(found, variance)
    # The files are for BGR images.
    stem = torch["encoder.conv_1.block.conv.weight"]
    assert keras["stem/conv/kernel"][0, 2, 0, 5] == stem[5, 2, 0, 2]


@pytest.mark.parametrize("layout", ["cvnets", "keras"])
def test_round_trip_is_exact(detector, layout):
    weights = read_weights(detector)
    tensors = layouts.from_keras(weights, layout, task=TASK)
    assert layouts.detect_layout(tensors) == layout
    assert layouts.detect_task(tensors, layout) == TASK
    assert_same(layouts.to_keras(tensors, layout, task=TASK), weights)


# === Files ===


def test_loads_published_files(detector, ssd, tmp_path):
    path = ssd.write(tmp_path / "file.pt")
    assert identify(path) == CheckpointInfo(
        "torch", "cvnets", "mobilevit_xxs", CLASSES, TASK
    )
    load_weights(detector, path)
    expected = layouts.to_keras(ssd.tensors, "cvnets", task=TASK)
    assert_same(read_weights(detector), expected)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".safetensors"])
def test_round_trip_through_a_file(detector, tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
        save_safetensors(detector, path)
    elif suffix == ".keras":
        detector.save(path)
    else:
        detector.save_weights(path)
    info = identify(path)
    assert (info.variant, info.classes, info.task) == (
        "mobilevit_xxs",
        CLASSES,
        TASK,
    )
    assert info.layout == ("cvnets" if suffix == ".safetensors" else "keras")
    assert_same(read_weights(build(weights=path)), read_weights(detector))


@pytest.mark.slow
def test_converts(ssd, tmp_path):
    source = ssd.write(tmp_path / "in.pt")
    result = convert(source, tmp_path / "out.weights.h5")
    assert result.source.task == TASK
    model = build(weights=tmp_path / "out.weights.h5")
    expected = layouts.to_keras(ssd.tensors, "cvnets", task=TASK)
    assert_same(read_weights(model), expected)


# === What is refused ===


def test_missing_key(detector, ssd, tmp_path):
    key = "ssd_heads.5.loc_cls_layer.block.conv.bias"
    tensors = {k: v for k, v in ssd.tensors.items() if k != key}
    synthetic.write_torch_zip(tmp_path / "a.pt", tensors)
    assert_refused(detector, tmp_path / "a.pt", f"1 missing: {key}")


def test_wrong_classes(detector, tmp_path):
    path = SSDCheckpoint(classes=81).write(tmp_path / "a.pt")
    match = "for 81 classes, the model has 5. Pass `classes=81`, or"
    assert_refused(detector, path, match)


def test_wrong_variant(detector, tmp_path):
    path = SSDCheckpoint("xs").write(tmp_path / "a.pt")
    match = "holds mobilevit_xs weights, the model is mobilevit_xxs"
    assert_refused(detector, path, match)


def test_a_classifier_is_no_detector(
    detector, model, checkpoint, ssd, tmp_path
):
    path = checkpoint.write("cvnets", tmp_path / "a.pt")
    match = "for classification, the model is for detection.*backbone_w"
    assert_refused(detector, path, match)
    match = "for detection, the model is for classification"
    assert_refused(model, ssd.write(tmp_path / "b.pt"), match)


# === Backbones ===


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout", ["cvnets", "timm", "hf", "kecam", ".weights.h5", ".keras"]
)
def test_backbone_of_a_classifier(model, checkpoint, tmp_path, layout):
    path = tmp_path / f"file{layout}"
    if layout == ".weights.h5":
        model.save_weights(path)
    elif layout == ".keras":
        model.save(path)
    else:
        checkpoint.write(layout, path)
        load_weights(model, path)
    expected = read_weights(model)
    found = read_weights(build(backbone_weights=path))
    head = [p for p in found if p.startswith(("head", "extra"))]
    # 13 blocks of a kernel and a norm, a bare kernel, 6 kernels with a bias.
    assert len(head) == 13 * 5 + 1 + 6 * 2
    for name, array in found.items():
        if name not in head:
            np.testing.assert_array_equal(array, expected[name], name)
    # The rest is as it is drawn.
    assert np.ptp(found["head0_project/norm/gamma"]) == 0


def test_backbone_of_a_detector(ssd, tmp_path):
    path = ssd.write(tmp_path / "a.pt")
    backbone = MobileViTBackbone("mobilevit_xxs", weights=path)
    expected = layouts.to_keras(ssd.tensors, "cvnets", task=TASK)
    for name, array in read_weights(backbone).items():
        np.testing.assert_array_equal(array, expected[name], name)


def test_backbone_of_embedded_weights():
    found = read_weights(build(backbone_weights="cifar10"))
    expected = layouts.to_keras(
        read_tensors(fetch("cifar10", "mobilevit_xxs")), "keras"
    )
    for name in ("stem/conv/kernel", "stage5_block/fusion/norm/beta"):
        np.testing.assert_array_equal(found[name], expected[name])


# === Downloads ===


def test_published_sources():
    base = "https://docs-assets.developer.apple.com/ml-research/models/cvnets"
    assert {
        variant: [source.url for source in sources]
        for variant, sources in COCO.items()
    } == {
        f"mobilevit_{v}": [f"{base}/detection/ssd_mobilevit_{v}_320.pt"]
        for v in ("xxs", "xs", "s")
    }


def test_a_file_put_there_by_hand(ssd, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    path = ssd.write(tmp_path / "models" / "ssd_mobilevit_xxs_320.pt")
    assert fetch("coco", "mobilevit_xxs") == path
