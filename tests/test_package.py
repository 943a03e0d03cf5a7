"""What holds for the package as a whole."""

import ast
import importlib
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
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.registration import registered_classes

PUBLIC = (keras_mobilevit, layers, detection, segmentation)
PACKAGE = pathlib.Path(keras_mobilevit.__file__).parent
TFLITE = "keras_mobilevit.tflite"


def _module_name(path):
    parts = ("keras_mobilevit", *path.relative_to(PACKAGE).parts)
    return ".".join(parts).removesuffix(".py").removesuffix(".__init__")


MODULES = {_module_name(path): path for path in PACKAGE.rglob("*.py")}


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
before, handlers = set(sys.modules), list(logging.root.handlers)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import keras_mobilevit
    names = dir(keras_mobilevit)
print(json.dumps({
    "modules": sorted(set(sys.modules) - before),
    "names": names,
    "handlers_before": len(handlers),
    "handlers": len(logging.root.handlers),
    "warnings": [str(w.message) for w in caught],
}))
"""
    )


def test_import_is_light(imported):
    roots = {name.partition(".")[0] for name in imported["modules"]}
    assert roots - sys.stdlib_module_names == {"keras_mobilevit"}
    assert set(imported["names"]) >= set(keras_mobilevit.__all__)


def test_import_is_silent(imported):
    assert imported["handlers"] == imported["handlers_before"]
    assert imported["warnings"] == []


@pytest.fixture(scope="module")
def core():
    """What comes with the models, besides Keras."""
    return python(
        """
import json, sys
import keras
before = set(sys.modules)
from keras_mobilevit import MobileViTXXS, detection, layers, segmentation
for package in (detection, segmentation):
    for name in package.__all__:
        getattr(package, name)
print(json.dumps(sorted(set(sys.modules) - before)))
""",
        KERAS_BACKEND="tensorflow",
    )


def test_models_need_no_extra(core):
    roots = {name.partition(".")[0] for name in core}
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
    parts = {name.split(".")[1] for name in core if "keras_mobilevit." in name}
    assert parts >= {"backbone", "detection", "layers", "segmentation"}
    assert not parts & {"cli", "compression", "tflite", "training"}


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'translation'"):
        keras_mobilevit.translation  # noqa: B018


@pytest.mark.parametrize(
    "package",
    [
        "keras_mobilevit",
        "keras_mobilevit.compression",
        "keras_mobilevit.detection",
        "keras_mobilevit.segmentation",
        TFLITE,
    ],
)
def test_lazy_names_are_those_that_type_checkers_see(package):
    module = importlib.import_module(package)
    tree = ast.parse(MODULES[package].read_text())
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in checked.body for alias in node.names}
    assert seen == set(module.__all__) - {"__version__"}
    assert set(dir(module)) >= seen
    for node in checked.body:
        for alias in node.names:
            origin = f"{node.module}.{alias.name}"
            if origin in MODULES:
                expected = importlib.import_module(origin)
            else:
                expected = getattr(
                    importlib.import_module(node.module), alias.name
                )
            assert getattr(module, alias.name) is expected


def test_types_are_told():
    assert (PACKAGE / "py.typed").is_file()


# === Saved models ===


def _registered_classes():
    """`module, class` of all that a decorator registers with Keras."""
    for name, path in MODULES.items():
        for node in ast.parse(path.read_text()).body:
            for call in getattr(node, "decorator_list", ()):
                text = ast.unparse(call)
                if text.startswith("keras.saving.register_keras_serializable"):
                    yield name, node.name


def test_every_registered_class_has_a_stand_in():
    assert set(_registered_classes()) == {
        (module, name)
        for module, names in registered_classes().items()
        for name in names
    }


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """One model of each task, one of them compiled, and a deploy form."""
    folder = tmp_path_factory.mktemp("saved")
    shape = (32, 32, 3)
    classifier = MobileViTXXS(weights=None, input_shape=shape, classes=3)
    detector = detection.MobileViTSSDLiteXXS(
        weights=None, input_shape=shape, classes=4
    )
    segmenter = segmentation.MobileViTDeepLabV3XXS(
        weights=None, input_shape=shape, classes=4
    )
    segmenter.compile(
        loss=segmentation.PixelCrossentropy(),
        metrics=[segmentation.MeanIoU(4), segmentation.PixelAccuracy(4)],
    )
    deployed = keras_mobilevit.reparameterize(classifier)
    for name, model in (
        ("classification", classifier),
        ("classification_deployed", deployed),
        ("detection", detector),
        ("segmentation", segmenter),
    ):
        model.save(folder / f"{name}.keras")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("imports", "files"),
    [
        ("keras_mobilevit, keras", "*"),
        # One is enough: what differs is when the stand-ins are registered.
        ("keras, keras_mobilevit", "segmentation"),
    ],
)
def test_saved_models_open_in_a_fresh_process(saved, imports, files):
    """Though none of their classes is imported before."""
    found = python(
        f"import {imports}"
        """
import importlib, json, pathlib, sys
from keras_mobilevit.registration import registered_classes
ours = [n for n in sys.modules if n.startswith("keras_mobilevit.layers")]
shapes = []
losses = []
for path in sorted(pathlib.Path(sys.argv[1]).glob(f"{sys.argv[2]}.keras")):
    model = keras.saving.load_model(path)
    shapes.append(model.output_shape[1:])
    losses.append(type(getattr(model, "loss", None)).__name__)
# The classes have taken the places of their stand-ins.
registered = [
    keras.saving.get_registered_object(f"keras_mobilevit>{name}")
    is getattr(importlib.import_module(module), name)
    for module, names in registered_classes().items() for name in names
    if module in sys.modules
]
print(json.dumps([ours, shapes, losses, registered]))
""",
        saved,
        files,
        KERAS_BACKEND="tensorflow",
    )
    ours, shapes, losses, registered = found
    assert ours == []
    # Classes for each pixel.
    assert shapes.pop() == [32, 32, 4]
    assert losses.pop() == "PixelCrossentropy"
    assert len(registered) > 8 and all(registered)
    if files == "*":
        classifier, deployed, detector = shapes
        assert classifier == deployed == [3]
        assert detector[-1] == 4 + 4  # Sides of the box, and classes.


def test_a_missing_extra_is_named():
    with pytest.raises(ImportError) as caught:
        import_optional("no_such_module.inner", extra="tflite")
    message = str(caught.value)
    assert 'pip install "keras-mobilevit[tflite]"' in message
    assert message.startswith("no_such_module is missing")


def test_require_returns_the_module():
    assert import_optional("json.decoder", extra="tflite") is json.decoder


# === Structure ===


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
        "keras_mobilevit.layers.composite",
        "keras_mobilevit.layers.convolution",
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
    "deprecation": set(),
    "lazy": {"deprecation"},
    "array_ops": set(),
    "import_hooks": set(),
    "stand_ins": set(),
    "registration": {"import_hooks", "stand_ins", "architectures"},
    "configs": {"deprecation", "model_info"},
    "configs_v2": {"configs"},
    "architectures": {"configs", "configs_v2", "lazy", "stand_ins"},
    "optional_imports": set(),
    "progress": set(),
    "atomic_files": set(),
    "png_figures": {"optional_imports", "atomic_files"},
    "svg_figures": {"optional_imports"},
    "machine": {"version"},
    "text_formatting": set(),
    "markdown_tables": set(),
    "class_scores": set(),
    "renamed": set(),
    "model_info_v1": {"renamed"},
    "model_names": set(),
    "model_info": {"deprecation", "model_info_v1"},
    "info_archive": {"model_info"},
    "layers": {"architectures", "configs", "lazy"},
    "pixel_scaling": {"model_info"},
    "problem_types": {"model_info"},
    "input_scaling": {
        *("architectures", "layers", "model_info", "pixel_scaling"),
    },
    "output_kind": {"layers", "problem_types"},
    "images": {
        *("renamed", "deprecation", "lazy", "optional_imports", "model_info"),
    },
    "tar_index": set(),
    "image_folders": {"tar_index", "text_formatting"},
    "picture_sizes": {"optional_imports"},
    "labels": {"architectures"},
    "checkpoints": {
        *(
            "architectures",
            "configs",
            "configs_v2",
            "deprecation",
            "optional_imports",
            "atomic_files",
        ),
        *("info_archive", "lazy", "text_formatting", "model_info"),
    },
    "backbone": {"architectures", "configs", "lazy", "layers", "checkpoints"},
    "classifiers": {"architectures", "backbone"},
    "mobilevit": {
        *("configs", "labels", "layers", "checkpoints", "backbone"),
        "classifiers",
    },
    "mobilevit_v2": {"configs_v2", "layers", "backbone", "classifiers"},
    "detection": {
        "architectures",
        "configs_v2",
        "array_ops",
        "lazy",
        "configs",
        "optional_imports",
        "layers",
        "images",
        "image_folders",
        "label_files",
        "picture_sizes",
        "progress",
        "text_formatting",
        "checkpoints",
        "backbone",
    },
    "segmentation": {
        "architectures",
        "configs_v2",
        "lazy",
        "configs",
        "optional_imports",
        "progress",
        "layers",
        "images",
        "image_folders",
        "picture_sizes",
        "text_formatting",
        "checkpoints",
        "backbone",
    },
    "reparameterization": {"layers"},
    "predictors": {
        "detection",
        "images",
        "model_info",
        "problem_types",
        "segmentation",
        "tflite",
    },
    "opening": {
        *("input_scaling", "pixel_scaling", "problem_types"),
        *(
            "architectures",
            "checkpoints",
            "configs",
            "optional_imports",
            "images",
            "input_scaling",
            "model_info",
            "pixel_scaling",
            "problem_types",
        ),
        *("model_names", "named_models", "output_kind", "predictors"),
        "tflite",
    },
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
    "detection": {"cli", "named_models", "predictors", "tflite", "training"},
    "segmentation": {"cli", "named_models", "predictors", "tflite", "training"},
    "tflite": {
        "android",
        "cli",
        "compression",
        "opening",
        "predictors",
        "training",
    },
    "training": {"cli", "compression"},
    "android": {"cli"},
    "compression": {"cli"},
    "cli": {"__main__"},
}


def test_the_core_imports_no_application():
    # The package itself offers them, and imports what is asked for.
    for name in MODULES.keys() - {"keras_mobilevit"}:
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


# === The lab ===

ROOT = pathlib.Path(__file__).parents[1]
LAB = ROOT / "tools" / "lab"
LAB_MODULES = {path.stem for path in LAB.glob("*.py")} | {
    path.parent.name for path in LAB.glob("*/*.py")
}


def test_the_lab_is_not_packaged():
    """By the rule that setuptools builds the wheel by."""
    setuptools = pytest.importorskip("setuptools")
    toml = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    tomllib = pytest.importorskip(toml)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rule = settings["tool"]["setuptools"]["packages"]["find"]
    packages = setuptools.find_namespace_packages(ROOT, **rule)
    assert {"keras_mobilevit", "keras_mobilevit.tflite"} <= set(packages)
    parts = {part for package in packages for part in package.split(".")}
    assert {"arm64", "check_arm64", "training_ablation"} <= LAB_MODULES
    assert not parts & {"tools", "lab", "tests", *LAB_MODULES}
    assert not {path.stem for path in MODULES.values()} & LAB_MODULES


def test_the_package_needs_no_lab():
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            imported = set()
            if isinstance(node, ast.Import):
                imported = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported = {node.module.split(".")[0]}
            assert not imported & LAB_MODULES, name


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
