"""The search for layers to keep float, on a model of ten layers."""

import dataclasses
import re
import shutil

import numpy as np
import pytest
from micro_model import Tensor, micro_model
from PIL import Image
from small_model import make_images
from tiny_model import TINY_CLASSES, TINY_SIZE

from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.tflite import export_searched, export_tflite, read_metadata
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT32,
    ParsedFile,
    read_model,
    tensor_name,
)
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.quantization.calibration import Calibration
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8, int8_full
from keras_mobilevit.tflite.scoring import (
    accuracy_scorer,
    predict_all,
    sqnr_scorer,
)
from keras_mobilevit.tflite.search.export import _labelled_images
from keras_mobilevit.tflite.search.layer_ranking import (
    LayerSensitivity,
    file_scorer,
    rank_layers,
    search_recipe,
)
from keras_mobilevit.tflite.tensor_names import layer_of

LABELS = tuple("abcde")


@pytest.fixture(scope="module")
def images():
    return make_images(20, TINY_SIZE, seed=6)


@pytest.fixture(scope="module")
def score(tiny_float, images):
    return sqnr_scorer(tiny_float, images)


@pytest.fixture(scope="module")
def layers(tiny_parsed, tiny_calibration, images):
    return rank_layers(tiny_parsed, int8(), tiny_calibration, images)


# === Ranking ===


def test_each_layer_is_ranked_once(layers, tiny_float):
    names = [layer.layer for layer in layers]
    assert len(set(names)) == len(names)
    assert set(names) == {
        "stem",
        "stage0_ir",
        "stage1_ir",
        "stage2_block/local",
        "stage2_block/project_in",
        "stage2_block/transformer_0",
        "stage2_block/project_out",
        "stage2_block/fusion",
        "classifier",
    }
    (graph,) = read_model(tiny_float).subgraphs
    outputs = {i for op in graph.operators for i in op.outputs}
    for index in outputs:
        name = tensor_name(graph, index)
        matching = [n.layer for n in layers if re.search(n.scope, name)]
        assert matching == [layer_of(name)]


def test_layers_are_quantized_one_at_a_time(
    layers, tiny_float, tiny_calibration, score
):
    """The stem's SQNR is that of a file whose other layers are float."""
    stem = next(layer for layer in layers if layer.layer == "stem")
    others = ("^stage", "^avg_pool/", "^predictions/", "^output")
    recipe = dataclasses.replace(int8(), skip_layers=others)
    file = quantize(tiny_float, recipe, tiny_calibration)
    assert stem.sqnr == pytest.approx(score(file), abs=1e-6)


def test_noise_per_time_decides(layers):
    order = [layer.noise / (layer.cost + 1) for layer in layers]
    assert order == sorted(order, reverse=True)
    for layer in layers:
        assert layer.noise == pytest.approx(10 ** (-layer.sqnr / 10))


def test_costs_are_counted_from_shapes():
    """Ten for each element that is written, and one for each product."""
    small, wide = Tensor((1, 4, 4, 2)), Tensor((1, 4, 4, 8))
    stride = {"strideW": 1, "strideH": 1, "depthMultiplier": 1}
    data = micro_model(
        {
            "image": small,
            "w": Tensor((8, 3, 3, 2), values=1),
            "b": Tensor((8,), values=0),
            "first/conv_2d": wide,
            "v": Tensor((1, 3, 3, 8), values=1),
            "second/depthwise_conv_2d": wide,
            "axes": Tensor((2,), "int32", values=(1, 2)),
            "third/mean": Tensor((1, 8)),
            "u": Tensor((5, 8), values=1),
            "fourth/fully_connected": Tensor((1, 5)),
        },
        [
            (
                *("CONV_2D", ["image", "w", "b"], ["first/conv_2d"]),
                ("Conv2DOptions", {"strideW": 1, "strideH": 1}),
            ),
            (
                *("DEPTHWISE_CONV_2D", ["first/conv_2d", "v", "b"]),
                ["second/depthwise_conv_2d"],
                ("DepthwiseConv2DOptions", stride),
            ),
            (
                *("MEAN", ["second/depthwise_conv_2d", "axes"]),
                ["third/mean"],
                ("ReducerOptions", {}),
            ),
            (
                *("FULLY_CONNECTED", ["third/mean", "u"]),
                ["fourth/fully_connected"],
                ("FullyConnectedOptions", {}),
            ),
        ],
        signature="serve",
    )
    names = ("first/conv_2d", "second/depthwise_conv_2d")
    ranges = {name: (0.0, 10000.0) for name in ("image", *names)}
    ranges |= {"third/mean": (0.0, 1e4), "fourth/fully_connected": (0.0, 1e5)}
    means = {"image": np.ones(2), "third/mean": np.ones(8)}
    means |= {"first/conv_2d": np.ones(8)}
    ranked = rank_layers(
        ParsedFile.parse(data),
        int8(),
        Calibration(ranges, means, 1),
        [image[..., :2] for image in make_images(2, (4, 4))],
    )
    assert {layer.layer: layer.cost for layer in ranked} == {
        "first": 10 * 16 * 8 + 16 * 8 * 18,
        # XNNPACK multiplies depthwise as fast in float.
        "second": 10 * 16 * 8,
        "third": 10 * 8,
        "fourth": 10 * 5 + 5 * 8,
    }


# === Search ===


def test_search_reaches_its_target(
    layers, tiny_float, tiny_parsed, tiny_calibration, score
):
    before = score(quantize(tiny_float, int8(), tiny_calibration))
    target = before + 6
    recipe, steps = search_recipe(
        *(tiny_parsed, int8(), tiny_calibration, layers),
        *(file_scorer(score), target),
    )
    assert recipe.name == "int8_searched"
    assert recipe.skip_ops == int8().skip_ops
    assert steps[0].layers == ()
    assert steps[0].score == before
    gone = [step for step in steps if not step.returned]
    assert gone[-1].score >= target
    assert all(step.score < target for step in gone[:-1])
    # The best layers went, in their order, and no more than was needed.
    moved = [layer for step in gone for layer in step.layers]
    assert 0 < len(moved) < len(layers)
    assert moved == [layer.layer for layer in layers[: len(moved)]]
    back = [layer for step in steps[len(gone) :] for layer in step.layers]
    assert set(back) < set(gone[-1].layers)
    assert steps[-1].score >= target
    moved = [layer for layer in moved if layer not in back]
    file = quantize(tiny_float, recipe, tiny_calibration)
    assert score(file) == steps[-1].score
    (graph,) = read_model(file).subgraphs
    for tensor in graph.tensors:
        name = tensor.name.decode()
        if layer_of(name) in moved and re.search(r"/(conv_2d|mul)$", name):
            assert tensor.type == FLOAT32


def test_a_target_that_is_met_at_once(
    layers, tiny_parsed, tiny_calibration, score
):
    recipe, steps = search_recipe(
        *(tiny_parsed, int8(), tiny_calibration, layers),
        *(file_scorer(score), 10),
    )
    assert recipe == dataclasses.replace(int8(), name="int8_searched")
    assert len(steps) == 1


def test_each_step_takes_a_third_of_the_noise(tiny_parsed, tiny_calibration):
    """Of 10, 4, 3, 2 and 1: to 14 at most, to 7, to 4.9, to 2.1, to 0.7."""
    powers = (10, 4, 3, 2, 1)
    layers = [
        LayerSensitivity(f"{p}", -10 * np.log10(p), cost=1, scope=f"^{p}/")
        for p in powers
    ]
    # What goes back would leave too little.
    scores = iter([0, 1, 2, 3, 4, 0])
    recipe, steps = search_recipe(
        tiny_parsed,
        int8(),
        tiny_calibration,
        layers,
        lambda file: next(scores),
        target=4,
    )
    assert [step.layers for step in steps] == [
        (),
        ("10",),
        ("4",),
        ("3",),
        ("2",),
    ]
    assert recipe.skip_layers[len(int8().skip_layers) :] == (
        *("^10/", "^4/", "^3/", "^2/"),
    )


def test_what_is_not_needed_goes_back(tiny_parsed, tiny_calibration):
    """Of a last step of three, the costliest could stay, then no other."""
    layers = [
        LayerSensitivity(name, sqnr=0, cost=cost, scope=f"^{name}/")
        for name, cost in (
            ("a", 2),
            ("b", 1),
            ("c", 3),
            *((name, 1) for name in "defghi"),
        )
    ]
    scores = {
        (): 1,
        ("a", "b", "c"): 6,
        ("a", "b"): 5,
        ("b",): 4,
        ("a",): 4,
    }

    def quantized(source, recipe, calibration, compat):
        return tuple(s[1] for s in recipe.skip_layers if s[0] == "^")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "keras_mobilevit.tflite.search.layer_ranking._quantize", quantized
        )
        recipe, steps = search_recipe(
            tiny_parsed, int8(), tiny_calibration, layers, scores.get, 5
        )
    assert [(step.layers, step.score, step.returned) for step in steps] == [
        ((), 1, False),
        (("a", "b", "c"), 6, False),
        (("c",), 5, True),
    ]
    assert quantized(None, recipe, None, None) == ("a", "b")


def test_targets_out_of_reach(layers, tiny_parsed, tiny_calibration, score):
    """The ends stay int8, whatever moves."""
    ends = int8_full()
    with pytest.raises(ValueError, match="Nothing reaches 200: .* score is"):
        search_recipe(
            *(tiny_parsed, ends, tiny_calibration, layers),
            *(file_scorer(score), 200),
        )


def test_accuracy_in_percent(tiny_float, images):
    truth = predict_all(tiny_float, images).argmax(axis=1)
    assert len(set(truth)) > 1
    truth[:5] = (truth[:5] + 1) % TINY_CLASSES
    assert accuracy_scorer(images, truth)(tiny_float) == 75


# === Export ===


@pytest.fixture
def ranked(monkeypatch, layers):
    """The ranking as above: another one would differ little."""
    monkeypatch.setattr(
        "keras_mobilevit.tflite.search.export.rank_layers",
        lambda *arguments: layers,
    )


@pytest.mark.slow
def test_the_recipe_gives_the_same_file_again(tiny, converted, tmp_path):
    source = np.stack(make_images(50, TINY_SIZE, seed=1))
    options = dict(
        calibration=source, calibration_images=20, seed=3, labels=LABELS
    )
    path, recipe, steps = export_searched(
        tiny, tmp_path / "a.tflite", target_sqnr=25, **options
    )
    assert steps[0].score < 25 <= steps[-1].score
    metadata = read_metadata(path)
    assert metadata.recipe == recipe.name == "int8_searched"
    assert tuple(metadata.recipe_fields["skip_layers"]) == recipe.skip_layers
    assert metadata.labels == LABELS
    # The other 8 of 20 verified it.
    assert metadata.calibration_images == 12
    assert metadata.fidelity["images"] == 8
    assert metadata.fidelity["escalated"] is False
    assert metadata.calibration_seed == 3
    (tmp_path / "found.json").write_text(recipe.to_json())
    again = export_tflite(
        tiny, tmp_path / "b.tflite", tmp_path / "found.json", **options
    )
    assert again.read_bytes() == path.read_bytes()


@pytest.fixture(scope="module")
def labelled(tiny_float, tmp_path_factory):
    """Pictures in folders named after the float file's answers."""
    folder = tmp_path_factory.mktemp("labelled")
    images = make_images(30, TINY_SIZE, seed=8)
    for index, answer in enumerate(predict_all(tiny_float, images).argmax(1)):
        path = folder / LABELS[answer] / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(images[index]).save(path)
    return folder


def test_search_by_accuracy(tiny, converted, ranked, labelled, tmp_path):
    path, recipe, steps = export_searched(
        tiny,
        tmp_path / "a.tflite",
        max_drop=0,
        labelled=labelled,
        calibration=make_images(50, TINY_SIZE, seed=1),
        calibration_images=20,
        labels=LABELS,
    )
    assert steps[-1].score == 100
    assert read_metadata(path).calibration_seed is None


def test_labelled_images_are_read_first(tiny, labelled, tmp_path, monkeypatch):
    """A broken one among them is left out; only broken ones are an error."""
    folder = tmp_path / "labelled"
    shutil.copytree(labelled, folder)
    (folder / LABELS[0]).mkdir(exist_ok=True)
    (folder / LABELS[0] / "cut.png").write_bytes(b"\x89PNG")
    shape = (*TINY_SIZE, 3)
    with pytest.warns(UserWarning, match="Skipped 1 picture .*cut.png"):
        images, truth = _labelled_images(folder, shape, LABELS, ImageSpec())
    assert len(images) == len(truth) == 30
    for path in sorted(folder.rglob("*.png")):
        path.write_bytes(b"\x89PNG")
    monkeypatch.setattr(ExportOptions, "draw_images", None)
    with pytest.raises(ValueError, match="None of 31 pictures can be read"):
        export_searched(
            tiny,
            tmp_path / "a.tflite",
            max_drop=0,
            labelled=folder,
            calibration=make_images(50, TINY_SIZE, seed=1),
            labels=LABELS,
        )


def test_images_that_calibrate_do_not_score(
    tiny, tiny_float, converted, ranked, tmp_path
):
    """Of 21 images, 20 calibrate: the noise is that of the last one."""
    images = make_images(21, TINY_SIZE, seed=1)
    path, _, (step,) = export_searched(
        tiny,
        tmp_path / "a.tflite",
        # The search scores files before that.
        dataclasses.replace(
            int8(), sequential_bias=False, moment_rounding=False
        ),
        target_sqnr=10,
        calibration=images,
        calibration_images=20,
    )
    score = sqnr_scorer(tiny_float, images[20:])
    assert step.score == pytest.approx(score(path.read_bytes()), abs=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(), "either `target_sqnr` or `max_drop`"),
        (dict(target_sqnr=30, max_drop=1), "Received: target_sqnr=30, max_d"),
        (dict(target_sqnr=30, recipe="dynamic"), "recipe='dynamic'"),
        (dict(max_drop=1), "needs `labelled` pictures"),
        (dict(target_sqnr=30, labels="ab"), "5 classes.*Received: 2 labels"),
        (dict(target_sqnr=30, calibration_images=30), "30 images, all of"),
    ],
)
def test_bad_arguments_write_nothing(
    tiny, converted, tmp_path, options, message
):
    options = {"calibration_images": 20, **options}
    with pytest.raises(ValueError, match=message):
        export_searched(
            tiny,
            tmp_path / "a.tflite",
            calibration=make_images(30, TINY_SIZE, seed=1),
            **options,
        )
    assert list(tmp_path.iterdir()) == []


def test_folders_that_are_no_classes(tiny, converted, labelled, tmp_path):
    with pytest.raises(ValueError, match="must be named after the classes"):
        export_searched(
            tiny,
            tmp_path / "a.tflite",
            max_drop=1,
            labelled=labelled,
            calibration=make_images(50, TINY_SIZE, seed=1),
            calibration_images=20,
            labels=tuple("vwxyz"),
        )
    assert list(tmp_path.iterdir()) == []
