"""What holds for the package as a whole."""

import ast
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import keras_mobilevit
from keras_mobilevit import MobileViTXXS, detection, layers, segmentation
from keras_mobilevit.extras import require

PUBLIC = (keras_mobilevit, layers, detection, segmentation)
PACKAGE = pathlib.Path(keras_mobilevit.__file__).parent


def python(code, *arguments, **environment):
    """Runs code in a fresh interpreter and returns what it prints as JSON."""
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


# === Importing ===


@pytest.fixture(scope="module")
def imported():
    return python(
        """
import json, logging, sys, warnings
import keras
before, handlers = set(sys.modules), list(logging.root.handlers)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import keras_mobilevit
print(json.dumps({
    "modules": sorted(set(sys.modules) - before),
    "handlers_before": len(handlers),
    "handlers": len(logging.root.handlers),
    "warnings": [str(w.message) for w in caught],
}))
""",
        KERAS_BACKEND="tensorflow",
    )


def test_import_needs_no_extra(imported):
    roots = {name.partition(".")[0] for name in imported["modules"]}
    assert "keras_mobilevit" in roots
    extras = {
        "PIL",
        "ai_edge_litert",
        "litert_quantizer",
        "pycocotools",
        "safetensors",
        "tensorflow_model_optimization",
        "tf_keras",
        "timm",
        "torch",
        "tqdm",
        "transformers",
    }
    assert not roots & extras
    for name in imported["modules"]:
        assert not name.startswith("tensorflow.lite"), name
        assert not name.startswith("keras_mobilevit.tflite"), name
        assert not name.startswith("keras_mobilevit.training"), name
        assert not name.startswith("keras_mobilevit.compression"), name
        assert not name.startswith("keras_mobilevit.detection"), name
        assert not name.startswith("keras_mobilevit.segmentation"), name


def test_import_is_silent(imported):
    assert imported["handlers"] == imported["handlers_before"]
    assert imported["warnings"] == []


def test_dense_prediction_is_imported_when_asked_for():
    found = python(
        """
import json
import keras_mobilevit
print(json.dumps([
    keras_mobilevit.segmentation.__name__,
    keras_mobilevit.detection.__name__,
]))
"""
    )
    assert found == [
        "keras_mobilevit.segmentation",
        "keras_mobilevit.detection",
    ]
    with pytest.raises(AttributeError, match="no attribute 'translation'"):
        keras_mobilevit.translation  # noqa: B018


def test_a_missing_extra_is_named():
    with pytest.raises(ImportError) as caught:
        require("no_such_module.inner", extra="tflite")
    message = str(caught.value)
    assert 'pip install "keras-mobilevit[tflite]"' in message
    assert message.startswith("no_such_module is missing")


def test_require_returns_the_module():
    assert require("json.decoder", extra="tflite") is json.decoder


# === Structure ===


def _module_name(path):
    parts = ("keras_mobilevit", *path.relative_to(PACKAGE).parts)
    return ".".join(parts).removesuffix(".py").removesuffix(".__init__")


MODULES = {_module_name(path): path for path in PACKAGE.rglob("*.py")}


def _imports(name):
    """Modules of the package that a module imports, at any depth of code."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {name}"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
    return found & MODULES.keys()


def test_imports_have_no_circles():
    graph = {name: _imports(name) for name in MODULES}
    assert graph["keras_mobilevit.layers.transformer"] == {
        "keras_mobilevit.layers.convolution"
    }
    while graph:
        leaves = {name for name, targets in graph.items() if not targets}
        assert leaves, f"circular: {graph}"
        graph = {
            name: targets - leaves
            for name, targets in graph.items()
            if name not in leaves
        }


# Part of the package -> the parts that it may import, besides itself.
FLOW = {
    "version": set(),
    "configs": set(),
    "extras": set(),
    "files": set(),
    "figures": {"extras", "files"},
    "machine": {"version"},
    "messages": set(),
    "tables": set(),
    "processes": set(),
    "environments": {"processes"},
    "layers": set(),
    "images": {"extras", "messages"},
    "arm64": {"environments", "extras", "files", "tables", "tflite"},
    "peers": {
        "configs",
        "environments",
        "extras",
        "files",
        "mobilevit",
        "processes",
        "tflite",
    },
    "labels": {"configs"},
    "checkpoints": {"configs", "extras", "files", "messages"},
    "backbone": {"configs", "layers", "checkpoints"},
    "mobilevit": {"configs", "labels", "layers", "checkpoints", "backbone"},
    "detection": {
        "configs",
        "extras",
        "layers",
        "images",
        "checkpoints",
        "backbone",
    },
    "segmentation": {
        "configs",
        "extras",
        "layers",
        "images",
        "checkpoints",
        "backbone",
    },
    "reparameterization": {"layers"},
}


@pytest.mark.parametrize("part", FLOW)
def test_imports_flow_one_way(part):
    """Foundations know nothing of what is built on them."""
    prefix = f"keras_mobilevit.{part}"
    names = [n for n in MODULES if n == prefix or n.startswith(prefix + ".")]
    assert names
    for name in names:
        parts = {target.split(".")[1] for target in _imports(name)}
        assert parts <= FLOW[part] | {part}, name


# Application -> those that may import it, besides itself.
APPLICATIONS = {
    "detection": {"named_models", "tflite", "training"},
    "segmentation": {"named_models", "tflite", "training"},
    "tflite": {"arm64", "compression", "peers", "training"},
    "training": {"compression"},
    "compression": set(),
    "arm64": set(),
    "peers": set(),
}


def test_the_core_imports_no_application():
    for name in MODULES:
        for target in _imports(name):
            application = (target.split(".") + [""])[1]
            if application in APPLICATIONS:
                allowed = APPLICATIONS[application] | {application}
                assert name.split(".")[1] in allowed, name


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (module, name)
        for module in PUBLIC
        for name in module.__all__
        if not name.startswith("__")
    ],
)
def test_public_names_have_docstrings(module, name):
    documented = getattr(module, name).__doc__
    assert documented and documented.strip().splitlines()[0].endswith(".")


@pytest.mark.parametrize(
    "name", sorted(MODULES.keys() - {"keras_mobilevit.version"})
)
def test_modules_have_docstrings(name):
    assert ast.get_docstring(ast.parse(MODULES[name].read_text()))


@pytest.mark.parametrize("module", PUBLIC)
def test_all_is_complete_and_sorted(module):
    assert module.__all__ == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


# === Backends ===


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 72])
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_agree(backend, size, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    model = MobileViTXXS(
        weights=None,
        input_shape=(size, size, 3),
        classes=7,
        classifier_activation=None,
    )
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            w + 0.1 * abs(rng.normal(size=w.shape)) if w.ndim == 1 else w * 2
            for w in model.get_weights()
        ]
    )
    x = rng.uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    expected = np.array(model(x))
    assert np.ptp(expected) > 1e-3 * abs(expected).max()
    model.save_weights(tmp_path / "a.weights.h5")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", expected)
    found = python(
        """
import json, pathlib, sys
import keras, numpy as np
import keras_mobilevit as km
folder, size = pathlib.Path(sys.argv[1]), int(sys.argv[2])
model = km.MobileViTXXS(
    weights=folder / "a.weights.h5",
    input_shape=(size, size, 3),
    classes=7,
    classifier_activation=None,
)
x, y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
errors = []
for m in (model, km.reparameterize(model)):
    found = keras.ops.convert_to_numpy(m(x, training=False))
    errors.append(float(abs(found - y).max() / abs(y).max()))
print(json.dumps([keras.backend.backend(), errors]))
""",
        tmp_path,
        size,
        KERAS_BACKEND=backend,
    )
    assert found[0] == backend
    assert max(found[1]) <= 1e-5
