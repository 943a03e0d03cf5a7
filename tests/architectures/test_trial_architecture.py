"""An architecture is added by the files of a folder and a line each in two.

`trial_net` is what a contributor would write: a small network with a layer, a
deploy form, names of weights and a published checkpoint of its own. It lies
outside of the package, so that nothing in there can know it.
"""

import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from exported import predict
from safetensors.numpy import load_file, save_file
from small_model import make_images
from tiny_model import enliven
from trial_net.entry import TRIAL_NET, VARIANTS

import keras_mobilevit
from keras_mobilevit import checkpoints, named_models
from keras_mobilevit.architectures import register_architecture, registry
from keras_mobilevit.backbone import MobileViTBackbone
from keras_mobilevit.conversion import convert
from keras_mobilevit.tflite import export_tflite, find_recipe, inspect
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.training.classifier import build_classifier
from keras_mobilevit.training.parts import freeze, rate_multipliers
from keras_mobilevit.training.recipe import load_recipe

HERE = pathlib.Path(__file__).parent
PACKAGE = pathlib.Path(keras_mobilevit.__file__).parent
LABELS = ("circle", "square", "triangle")
SIZE = (40, 40)


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Takes the entry away again: other tests list what is registered."""
    register_architecture(TRIAL_NET)
    yield
    del registry._ARCHITECTURES["trial_net"]


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request):
    return request.param


def build(variant, size=SIZE, **kwargs):
    """A network whose weights pass the signal on, as trained ones do."""
    keras.utils.set_random_seed(0)
    constructor = named_models.CONSTRUCTORS["classification"][variant]
    model = constructor(input_shape=(*size, 3), **kwargs)
    enliven(model, make_images(8, size))
    return model


@pytest.fixture(scope="module")
def model(variant):
    return build(variant)


def authors_tensors(model):
    """The weights by the names and axes of PyTorch, put down by hand."""
    tensors = {}
    for variable in model.weights:
        layer, *inner, name = variable.path.split("/")
        if layer == "stem":
            prefix = {"conv": "stem.conv", "norm": "stem.bn"}[inner[0]]
        elif layer == "predictions":
            prefix = "fc"
        elif layer.endswith("_conv"):
            prefix = f"body.{int(layer[5]) - 1}"
        else:
            prefix = f"attention.{int(layer[-1]) - 1}.{inner[0]}"
        array = variable.numpy()
        if array.ndim == 4:
            array = array.transpose(3, 2, 0, 1)
        if prefix == "stem.conv":
            array = array[:, ::-1]  # The authors read images as BGR.
        name = {
            "beta": "bias",
            "bias": "bias",
            "moving_mean": "running_mean",
            "moving_variance": "running_var",
        }.get(name, "weight")
        if prefix == "fc":
            array = array.T
        tensors[f"{prefix}.{name}"] = np.ascontiguousarray(array)
    return tensors


@pytest.fixture
def published(model, tmp_path):
    path = tmp_path / "published.safetensors"
    save_file(authors_tensors(model), path)
    return path


def assert_same_weights(found, expected):
    for a, b in zip(found.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), a.path)


# === What has to be written ===


def test_five_files_and_two_edits():
    """The edits are those files that name the entry that comes built in."""
    new = sorted(path.name for path in (HERE / "trial_net").glob("*.py"))
    assert len(new) <= 5, new
    named = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\bMOBILEVIT\b", path.read_text())
    }
    # Its constructors are public names of the package, too.
    edited = named - {"architectures/mobilevit.py"} | {"__init__.py"}
    assert edited == {"architectures/__init__.py", "__init__.py"}


def test_the_package_does_not_know_it():
    for path in PACKAGE.rglob("*.py"):
        assert not re.search("(?i)trial_?net", path.read_text()), path


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="architecture named 'trial_net'"):
        register_architecture(TRIAL_NET)


# === By name, and out of files ===


def test_opens_by_name(variant):
    opened = named_models.open_model(variant, None, classes=4, size=(32, 48))
    assert opened.model.name == variant
    assert opened.model.output_shape == (None, 4)
    assert opened.model.input_shape == (None, 32, 48, 3)
    info = opened.info
    assert (info.architecture, info.variant) == ("trial_net", variant)
    with pytest.raises(ValueError, match="one of .*'trial_net_m'"):
        MobileViTBackbone("trial_net_l", weights=None)


def test_backbone(variant):
    backbone = MobileViTBackbone(variant, weights=None, input_shape=(64, 64, 3))
    assert {k: v.shape[1:] for k, v in backbone.output.items()} == {
        "P1": (32, 32, 4),
        "P2": (16, 16, 8),
        "P3": (8, 8, 16),
    }


def test_preset(tmp_path, monkeypatch):
    """A published file that was put into the cache by hand."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    model = build("trial_net_s")
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "trial_net_s.safetensors"
    save_file(authors_tensors(model), path)
    opened = named_models.open_model("trial_net_s", "shapes")
    assert_same_weights(opened.model, model)
    assert opened.info.labels == LABELS
    assert opened.info.image.size == SIZE
    opened = keras_mobilevit.open_model("weights:shapes")
    assert opened.info.labels == LABELS
    assert opened.info.variant == "trial_net_s"
    with pytest.raises(ValueError, match="one of .*for trial_net_m"):
        named_models.open_model("trial_net_m", "shapes")


def test_weights_file_tells_its_variant(model, variant, tmp_path):
    model.save_weights(tmp_path / "a.weights.h5")
    opened = named_models.open_model(None, tmp_path / "a.weights.h5")
    assert_same_weights(opened.model, model)
    assert opened.info.variant == variant
    # Of a file that says nothing, what is known of the published weights.
    crop = 0.9 if variant == "trial_net_s" else 256 / 288
    assert opened.info.image.crop_pct == crop
    checkpoints.save_compact(model, tmp_path / "b.weights.h5", opened.info)
    assert checkpoints.read_info(tmp_path / "b.weights.h5") == opened.info


@pytest.mark.slow
def test_keras_file_opens_in_a_fresh_process(tmp_path):
    model = build("trial_net_m")
    model.save(tmp_path / "whole.keras")
    keras_mobilevit.reparameterize(model).save(tmp_path / "deployed.keras")
    assert checkpoints.identify(tmp_path / "whole.keras").variant == model.name
    code = """
import pathlib, sys
import keras_mobilevit
from keras_mobilevit.architectures import register_architecture
from trial_net.entry import TRIAL_NET
register_architecture(TRIAL_NET)
import keras
assert "trial_net.block" not in sys.modules
for name in ("whole", "deployed"):
    assert "trial_net.deploy" not in sys.modules
    model = keras.saving.load_model(pathlib.Path(sys.argv[1], f"{name}.keras"))
    assert model.output_shape == (None, 3)
"""
    subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        cwd=HERE,
        check=True,
        timeout=300,
    )


# === Foreign checkpoints ===


def test_published_checkpoint_loads_exactly(model, variant, published):
    info = checkpoints.identify(published)
    assert (info.architecture, info.layout) == ("trial_net", "authors")
    assert (info.variant, info.classes) == (variant, 3)
    other = build(variant)
    other.set_weights([0 * w for w in other.get_weights()])
    checkpoints.load_weights(other, published)
    assert_same_weights(other, model)


def test_saves_the_names_of_the_authors(model, tmp_path):
    checkpoints.save_safetensors(model, tmp_path / "a.safetensors")
    found, expected = (
        load_file(tmp_path / "a.safetensors"),
        authors_tensors(model),
    )
    counters = {"stem.bn.num_batches_tracked"}
    assert found.keys() - counters == expected.keys()
    for key, array in expected.items():
        np.testing.assert_array_equal(found[key], array, key)


def test_converts(model, variant, published, tmp_path):
    done = convert(published, tmp_path / "a.weights.h5")
    assert done.source.variant == variant
    opened = named_models.open_model(None, done.target)
    assert_same_weights(opened.model, model)


def test_misfits_are_told(tmp_path):
    small, deep = build("trial_net_s"), build("trial_net_m")
    path = tmp_path / "a.safetensors"
    save_file(authors_tensors(deep), path)
    before = small.get_weights()
    with pytest.raises(ValueError, match="trial_net_m weights, the model is "):
        checkpoints.load_weights(small, path)
    tensors = authors_tensors(small)
    del tensors["attention.0.norm.bias"]
    tensors["neck.weight"] = np.zeros(2, np.float32)
    save_file(tensors, path)
    with pytest.raises(
        ValueError,
        match=r"1 missing: attention.0.norm.bias; 1 unknown: neck.weight",
    ):
        checkpoints.load_weights(small, path)
    for a, b in zip(before, small.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_of_another_architecture_are_refused(tmp_path):
    """Though both have a stem of the same name."""
    mobilevit = keras_mobilevit.MobileViTXXS(
        weights=None, input_shape=(32, 32, 3), classes=3
    )
    trial = build("trial_net_s")
    for model, name in ((mobilevit, "vit"), (trial, "trial")):
        checkpoints.save_safetensors(model, tmp_path / f"{name}.safetensors")
        model.save_weights(tmp_path / f"{name}.weights.h5")
    for suffix in ("safetensors", "weights.h5"):
        with pytest.raises(ValueError, match="holds mobilevit weights"):
            checkpoints.load_weights(trial, tmp_path / f"vit.{suffix}")
        with pytest.raises(ValueError, match="the model is mobilevit"):
            checkpoints.load_weights(mobilevit, tmp_path / f"trial.{suffix}")


# === For phones ===


def test_deploy_form(model):
    deployed = keras_mobilevit.reparameterize(model)
    block = deployed.get_layer("stage2_block1")
    assert type(block).__name__ == "InferenceTrialBlock"
    assert len(block.weights) == len(model.get_layer(block.name).weights) - 2
    images = make_images(4, SIZE, seed=1)
    expected = predict(model, images)
    assert np.ptp(expected, axis=0).max() > 0.02
    np.testing.assert_allclose(
        predict(deployed, images), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.slow
def test_exports_in_one_partition(tmp_path):
    model = build("trial_net_s")
    images = make_images(6, SIZE, seed=2)
    expected = predict(model, images)
    for recipe, least in (("float32", 90), ("int8", 15)):
        path = export_tflite(
            model,
            tmp_path / f"{recipe}.tflite",
            recipe,
            calibration=make_images(20, SIZE, seed=1),
            info=named_models.open_model("trial_net_s", None).info,
            # Weights that nothing was learned by have no clear answers.
            min_sqnr=0,
        )
        inspect(path).require_full_delegation()
        assert sqnr(expected, predict(path, images)) > least
        assert read_metadata(path).architecture == "trial_net"


def test_export_command(command, tmp_path):
    weights, path = tmp_path / "a.safetensors", tmp_path / "a.tflite"
    save_file(authors_tensors(build("trial_net_m")), weights)
    argv = ("export", "--model", "trial_net_m", "--weights", weights)
    argv += ("--recipe", "float16", "--size", 40, "-o", path)
    assert command(*argv) == 0
    assert read_metadata(path).variant == "trial_net_m"


def test_accurate_recipe_keeps_its_layers():
    assert find_recipe("int8_accurate", "trial_net").skip_layers[-1] == (
        r"^(preprocessing|stem)/"
    )
    with pytest.raises(ValueError, match="none are known of perceptron"):
        find_recipe("int8_accurate", "perceptron")


# === Training ===


def make_recipe(weights, **changes):
    changes = {"variant": "trial_net_s", "weights": str(weights), **changes}
    return load_recipe("cifar10", changes)


def test_recipe_trains_it(published, model, variant):
    recipe = make_recipe(
        published, variant=variant, **{"optimizer.freeze": "2"}
    )
    trained = build_classifier(recipe, ["a", "b", "c", "d"])
    # All but the classifier is what was published.
    for layer in trained.layers[1:-1]:
        for a, b in zip(
            layer.get_weights(),
            model.get_layer(layer.name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b, layer.name)
    factors = rate_multipliers(trained, 0.5, head_rate=3.0)
    assert factors["predictions/bias"] == 3
    assert factors["stage2_block1/norm/gamma"] == 0.5**2
    assert factors["stem/conv/kernel"] == 0.5**4
    freeze(trained, recipe.optimizer.freeze)
    frozen = {x.name for x in trained.layers if x.weights and not x.trainable}
    assert frozen == {"stem", "stage1_conv"}


def test_recipe_checks_its_variants_and_parts(tmp_path):
    with pytest.raises(ValueError, match="one of .*'trial_net_m'.*net_l"):
        make_recipe("a.weights.h5", variant="trial_net_l")
    with pytest.raises(ValueError, match=r"\['trial_net_s'\], which the"):
        make_recipe("shapes", variant="trial_net_m")
    with pytest.raises(ValueError, match=r"in \[0, 4\]. Received: freeze=5"):
        make_recipe("shapes", **{"optimizer.freeze": "5"})
