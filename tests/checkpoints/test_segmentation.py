"""Checkpoints of segmentation networks, and backbones for them."""

import keras
import numpy as np
import pytest
import synthetic
from assertions import assert_refused, assert_same
from key_lists import read_shapes
from random_values import pixels

from keras_mobilevit import MobileViTBackbone
from keras_mobilevit.architectures import Source
from keras_mobilevit.architectures.mobilevit import PASCAL_VOC
from keras_mobilevit.checkpoints import (
    CheckpointInfo,
    fetch,
    identify,
    layouts,
    load_weights,
    read_tensors,
    read_weights,
    save_compact,
    save_safetensors,
)
from keras_mobilevit.conversion import convert
from keras_mobilevit.model_info import ModelInfo, OutputSpec
from keras_mobilevit.segmentation import MobileViTDeepLabV3XXS

LAYOUTS = ("cvnets", "hf")
TASK = "segmentation"


@pytest.fixture(scope="module")
def deeplab():
    return synthetic.DeepLabCheckpoint()


def build_deeplab(**options):
    options = {"classes": synthetic.CLASSES, "weights": None, **options}
    return MobileViTDeepLabV3XXS(input_shape=(32, 32, 3), **options)


@pytest.fixture(scope="module")
def shared_segmenter():
    return build_deeplab()


@pytest.fixture
def segmenter(shared_segmenter):
    """A network with known random weights, new in every test."""
    rng = np.random.default_rng(1)
    for variable in shared_segmenter.weights:
        variable.assign(rng.uniform(0.01, 0.1, variable.shape))
    return shared_segmenter


# === Keys ===


def test_table_covers_the_model(segmenter):
    paths = [weight.path for weight in layouts.table("keras", TASK)]
    assert len(paths) == len(set(paths))
    assert set(paths) == {v.path for v in segmenter.weights}


@pytest.mark.parametrize("variant", ["xxs", "xs", "s"])
@pytest.mark.parametrize(
    ("layout", "name"),
    [("cvnets", "cvnets_deeplabv3"), ("hf", "hf_deeplabv3")],
)
def test_keys_are_those_of_the_reference(layout, name, variant):
    reference = read_shapes(name, variant)
    keys = {weight.key for weight in layouts.table(layout, TASK)}
    assert keys == {k for k in reference if "num_batches_tracked" not in k}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_keras_writes_the_reference_shapes(segmenter, deeplab, layout):
    weights = read_weights(segmenter)
    tensors = layouts.from_keras(weights, layout, task=TASK)
    assert {k: v.shape for k, v in tensors.items()} == {
        k: v.shape for k, v in deeplab.tensors(layout).items()
    }
    counters = [k for k in tensors if k.endswith("num_batches_tracked")]
    assert len(counters) == 37


def test_layouts_agree(deeplab):
    first, second = (
        layouts.to_keras(deeplab.tensors(layout), layout, task=TASK)
        for layout in LAYOUTS
    )
    assert_same(first, second)


def test_transposes(deeplab):
    torch = deeplab.tensors("cvnets")
    keras = layouts.to_keras(torch, "cvnets", task=TASK)
    aspp = "seg_head.aspp.aspp_layer"
    for path, key in (
        ("aspp/pixel", "convs.0.block"),
        ("aspp/dilated_0", "convs.1.block"),
        ("aspp/dilated_2", "convs.3.block"),
        ("aspp/pooled", "convs.4.aspp_pool.conv_1x1.block"),
        ("aspp/project", "project.block"),
    ):
        kernel = torch[f"{aspp}.{key}.conv.weight"].transpose(2, 3, 1, 0)
        np.testing.assert_array_equal(keras[f"{path}/conv/kernel"], kernel)
        variance = torch[f"{aspp}.{key}.norm.running_var"]
        found = keras[f"{path}/norm/moving_variance"]
        np.testing.assert_array_equal(found, variance)
    last = "seg_head.classifier.classifier.block.conv"
    found = keras["pixel_predictions/kernel"]
    assert found.shape == (1, 1, 256, synthetic.CLASSES)
    assert found[0, 0, 9, 3] == torch[f"{last}.weight"][3, 9, 0, 0]
    np.testing.assert_array_equal(
        keras["pixel_predictions/bias"], torch[f"{last}.bias"]
    )
    # The files are for BGR images.
    stem = torch["encoder.conv_1.block.conv.weight"]
    assert keras["stem/conv/kernel"][0, 2, 0, 5] == stem[5, 2, 0, 2]


@pytest.mark.parametrize("layout", [*LAYOUTS, "keras"])
def test_round_trip_is_exact(segmenter, layout):
    weights = read_weights(segmenter)
    tensors = layouts.from_keras(weights, layout, task=TASK)
    assert layouts.detect_layout(tensors) == layout
    assert layouts.detect_task(tensors, layout) == TASK
    assert_same(layouts.to_keras(tensors, layout, task=TASK), weights)


def test_layouts_without_segmentation_are_named(segmenter):
    with pytest.raises(ValueError, match="'hf', 'keras'.*layout='timm'"):
        layouts.from_keras(read_weights(segmenter), "timm", task=TASK)


# === Files ===


@pytest.mark.parametrize("layout", LAYOUTS)
def test_loads_published_files(segmenter, deeplab, tmp_path, layout):
    path = deeplab.write(layout, tmp_path / "file")
    assert identify(path) == CheckpointInfo(
        "torch", layout, "mobilevit_xxs", synthetic.CLASSES, TASK
    )
    load_weights(segmenter, path)
    expected = layouts.to_keras(deeplab.tensors("cvnets"), "cvnets", task=TASK)
    assert_same(read_weights(segmenter), expected)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".safetensors"])
def test_round_trip_through_a_file(segmenter, tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
        save_safetensors(segmenter, path)
    elif suffix == ".keras":
        segmenter.save(path)
    else:
        segmenter.save_weights(path)
    kind = {".keras": "keras", ".weights.h5": "keras_h5"}
    layout = "hf" if suffix == ".safetensors" else "keras"
    assert identify(path) == CheckpointInfo(
        kind.get(suffix, "safetensors"),
        layout,
        "mobilevit_xxs",
        synthetic.CLASSES,
        TASK,
    )
    assert_same(
        read_weights(build_deeplab(weights=path)), read_weights(segmenter)
    )


def test_safetensors_file_is_that_of_hugging_face(segmenter, deeplab, tmp_path):
    pytest.importorskip("safetensors")
    load_weights(segmenter, deeplab.write("cvnets", tmp_path / "in.pt"))
    save_safetensors(segmenter, tmp_path / "out.safetensors")
    expected = deeplab.tensors("hf")
    for key in expected:
        if key.endswith("num_batches_tracked"):
            expected[key] = np.array(0, np.int64)
    assert_same(read_tensors(tmp_path / "out.safetensors"), expected)


@pytest.mark.slow
def test_converts(deeplab, tmp_path):
    source = deeplab.write("cvnets", tmp_path / "in.pt")
    result = convert(source, tmp_path / "out.weights.h5")
    assert result.source.task == TASK
    model = build_deeplab(weights=tmp_path / "out.weights.h5")
    expected = layouts.to_keras(deeplab.tensors("cvnets"), "cvnets", task=TASK)
    assert_same(read_weights(model), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "output_stride"), [(".keras", 8), (".weights.h5", 8)]
)
def test_converts_to_the_same_stride(tmp_path, suffix, output_stride):
    """The weights fit either; the logits are those of the source."""
    model = MobileViTDeepLabV3XXS(
        weights=None,
        input_shape=(None, None, 3),
        classes=3,
        output_stride=output_stride,
    )
    source = tmp_path / f"in{suffix}"
    if suffix == ".keras":
        model.save(source)
    else:
        info = ModelInfo(
            task="segmentation",
            variant="mobilevit_xxs",
            classes=3,
            output=OutputSpec(stride=output_stride),
        )
        save_compact(model, source, info)
    convert(source, tmp_path / "out.keras")
    found = keras.saving.load_model(tmp_path / "out.keras", compile=False)
    image = pixels(1, 64, 96, 3)
    np.testing.assert_array_equal(
        np.array(found(image)), np.array(model(image))
    )


# === What is refused ===


def edited(deeplab, path, edit):
    tensors = deeplab.tensors("cvnets")
    edit(tensors)
    synthetic.write_torch_zip(path, tensors)
    return path


PROJECT = "seg_head.aspp.aspp_layer.project.block.conv.weight"


def test_missing_key(segmenter, deeplab, tmp_path):
    path = edited(deeplab, tmp_path / "a.pt", lambda t: t.pop(PROJECT))
    assert_refused(segmenter, path, f"1 missing: {PROJECT}")


def test_auxiliary_head(segmenter, deeplab, tmp_path):
    def edit(tensors):
        tensors["seg_head.aux_head.2.block.conv.bias"] = np.ones(3, np.float32)

    path = edited(deeplab, tmp_path / "a.pt", edit)
    assert_refused(segmenter, path, "1 unknown: seg_head.aux_head.2")


def test_wrong_shape(segmenter, deeplab, tmp_path):
    def edit(tensors):
        tensors[PROJECT] = tensors[PROJECT][:, :1024].copy()

    path = edited(deeplab, tmp_path / "a.pt", edit)
    assert_refused(segmenter, path, r"another shape: .*\(256, 1024, 1, 1\)")


def test_wrong_classes(segmenter, tmp_path):
    other = synthetic.DeepLabCheckpoint(classes=11)
    match = "the model has 7. Pass `classes=11`, or .* `backbone_weights`"
    for layout in LAYOUTS:
        path = other.write(layout, tmp_path / layout)
        assert_refused(segmenter, path, match)


def test_wrong_variant(segmenter, tmp_path):
    other = synthetic.DeepLabCheckpoint("xs")
    path = other.write("hf", tmp_path / "a.pt")
    match = "holds mobilevit_xs weights, the model is mobilevit_xxs"
    assert_refused(segmenter, path, match)


@pytest.mark.parametrize("layout", ["cvnets", "timm", "hf", "kecam"])
def test_a_classifier_is_no_segmenter(
    segmenter, model, checkpoint, deeplab, tmp_path, layout
):
    path = checkpoint.write(layout, tmp_path / "a")
    match = "for classification, the model is for segmentation.*backbone_w"
    assert_refused(segmenter, path, match)
    if layout in LAYOUTS:
        path = deeplab.write(layout, tmp_path / "b")
        match = "for segmentation, the model is for classification"
        assert_refused(model, path, match)


def test_a_backbone_is_no_segmenter(segmenter, tmp_path):
    backbone = MobileViTBackbone("mobilevit_xxs", weights=None)
    backbone.save_weights(tmp_path / "a.weights.h5")
    assert identify(tmp_path / "a.weights.h5").task is None
    match = "32 missing: aspp/dilated_0/conv/0"
    assert_refused(segmenter, tmp_path / "a.weights.h5", match)


# === Backbones ===


def assert_backbone(model, expected):
    """The backbone is the expected one, the head is not from the file."""
    weights = read_weights(model)
    head = [p for p in weights if p.startswith(("aspp", "pixel_predictions"))]
    assert len(head) == 32
    for path, array in weights.items():
        if path not in head:
            np.testing.assert_array_equal(array, expected[path], path)
    assert np.ptp(weights["aspp/project/norm/gamma"]) == 0


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
    assert_backbone(
        build_deeplab(backbone_weights=path, classes=3), read_weights(model)
    )


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_backbone_of_a_segmenter(deeplab, tmp_path, layout):
    path = deeplab.write(layout, tmp_path / "file")
    expected = layouts.to_keras(deeplab.tensors("cvnets"), "cvnets", task=TASK)
    assert_backbone(build_deeplab(backbone_weights=path, classes=3), expected)
    backbone = MobileViTBackbone("mobilevit_xxs", weights=path)
    for path_, array in read_weights(backbone).items():
        np.testing.assert_array_equal(array, expected[path_], path_)


def test_backbone_of_embedded_weights():
    model = build_deeplab(backbone_weights="cifar10")
    expected = layouts.to_keras(
        read_tensors(fetch("cifar10", "mobilevit_xxs")), "keras"
    )
    assert_backbone(model, expected)


def test_a_bad_backbone_is_refused(checkpoint, tmp_path):
    tensors = checkpoint.tensors("timm")
    del tensors["stages.2.1.norm.bias"]
    synthetic.write_torch_zip(tmp_path / "a.pt", tensors)
    with pytest.raises(ValueError, match="1 missing: stages.2.1.norm.bias"):
        build_deeplab(backbone_weights=tmp_path / "a.pt")


# === Downloads ===


def test_published_sources():
    base = "https://docs-assets.developer.apple.com/ml-research/models/cvnets"
    assert {
        variant: [source.url for source in sources]
        for variant, sources in PASCAL_VOC.items()
    } == {
        f"mobilevit_{v}": [f"{base}/segmentation/deeplabv3_mobilevit_{v}.pt"]
        for v in ("xxs", "xs", "s")
    }


def test_a_file_put_there_by_hand(deeplab, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    source = PASCAL_VOC["mobilevit_xxs"][0]
    dead = Source(
        "http://127.0.0.1:9/deeplabv3_mobilevit_xxs.pt",
        source.layout,
        task=source.task,
    )
    monkeypatch.setitem(PASCAL_VOC, "mobilevit_xxs", (dead,))
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / source.filename
    checkpoint.write("cvnets", path)
    match = "it holds cvnets mobilevit_xxs weights for classification"
    with pytest.raises(OSError, match=match):
        fetch("pascal_voc", "mobilevit_xxs")
    deeplab.write("cvnets", path)
    assert fetch("pascal_voc", "mobilevit_xxs") == path
