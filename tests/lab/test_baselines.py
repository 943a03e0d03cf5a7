"""Baselines: installed apart, exported apart, left out with a reason."""

import ast
import dataclasses
import importlib
import importlib.util
import json
import sys
import zipfile

import keras
import numpy as np
import pytest

import benchmark_baselines
from baselines import SOURCES, Source, export_all
from baselines.summary import to_summary
from keras_mobilevit.architectures import variants
from keras_mobilevit.tflite import inspect
from keras_mobilevit.tflite.benchmarks.benchmark import Measurement
from logged_commands import CommandError, run_logged

EXPORTERS = SOURCES["ours"].exporter.parent
# An exporter that finds a working file beside itself.
EXPORTER = """
import pathlib, shutil, sys
variant, size, folder = sys.argv[1:]
here, folder = pathlib.Path(__file__).parent, pathlib.Path(folder)
with open(here / "runs.txt", "a") as runs:
    runs.write(f"{variant} {size}\\n")
def write(recipe):
    shutil.copy(here / "add.tflite", folder / f"{recipe}.tflite")
"""
WRITE = "write('float32')\nwrite('int8')\n"
GOOD = EXPORTER + WRITE


@pytest.fixture(scope="module")
def tiny_file():
    tf = pytest.importorskip("tensorflow")
    add = tf.function(
        lambda x: x + x, input_signature=[tf.TensorSpec((1, 4, 4, 3))]
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [add.get_concrete_function()]
    )
    return converter.convert()


@pytest.fixture
def make_source(tmp_path, tiny_file):
    """Returns a function from a name and a script's text to a source."""

    def make(name, text=GOOD, **fields):
        exporter = tmp_path / name / "exporter.py"
        exporter.parent.mkdir(exist_ok=True)
        exporter.with_name("add.tflite").write_bytes(tiny_file)
        exporter.write_text(text)
        return Source(name, exporter, **fields)

    return make


def runs_of(source):
    return source.exporter.with_name("runs.txt").read_text().splitlines()


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A package that pip can install without a network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    if importlib.util.find_spec("ensurepip") is None:
        pytest.skip("this Python can not make virtual environments with pip")
    path = tmp_path / "testling-1.0-py3-none-any.whl"
    info = "testling-1.0.dist-info"
    files = {
        "testling.py": "VALUE = 7\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: testling\n"
        "Version: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (files | {f"{info}/RECORD": record}).items():
            archive.writestr(name, text)
    return path


# === Exporting ===


def test_files_of_all_sources_and_variants(make_source, tmp_path):
    sources = [make_source("one"), make_source("two")]
    exports = export_all(
        ["small", "large"], tmp_path / "cache", sources=sources, size=64
    )
    assert list(exports) == ["small", "large"]
    for export in exports.values():
        assert list(export.files) == [
            *("one float32", "one int8", "two float32", "two int8")
        ]
        assert export.left_out == {}
        assert all(inspect(path).nodes == 1 for path in export.files.values())
    assert runs_of(sources[0]) == ["small 64", "large 64"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise RuntimeError('no int8 today')\n", "no int8 today"),
        ("(folder / 'int8.tflite').write_text('page')\n", "does not run"),
        ("", "wrote no such file"),
        ("import os; os.kill(os.getpid(), 9)\n", "ended by signal 9"),
    ],
)
def test_what_fails_is_left_out_with_its_reason(
    make_source, tmp_path, text, reason
):
    bad = make_source("bad", EXPORTER + "write('float32')\n" + text)
    good = make_source("good")
    cache = tmp_path / "cache"
    export = export_all(["small"], cache, sources=[bad, good])["small"]
    assert list(export.files) == ["bad float32", "good float32", "good int8"]
    assert list(export.left_out) == ["bad int8"]
    assert reason in export.left_out["bad int8"]
    left_over = {path.name for path in cache.rglob("*") if path.is_file()}
    assert left_over == {"float32.tflite", "int8.tflite", "export.log"}


def test_environment_variables_reach_the_exporter(make_source, tmp_path):
    check = "import os; assert os.environ['EXPORT_SWITCH'] == '1'\n"
    text = EXPORTER + check + WRITE
    source = make_source("one", text, environment={"EXPORT_SWITCH": "1"})
    export = export_all(["small"], tmp_path / "cache", sources=[source])
    assert export["small"].left_out == {}


@pytest.mark.slow
def test_installed_apart_and_kept(make_source, wheel, tmp_path, monkeypatch):
    """Neither does the baseline enter here, nor what is here enter there."""
    intruder = tmp_path / "intruder"
    intruder.mkdir()
    (intruder / "testling.py").write_text("VALUE = 8\n")
    monkeypatch.setenv("PYTHONPATH", str(intruder))
    text = (
        EXPORTER
        + "import testling\n"
        + "assert testling.VALUE == 7\n"
        + "assert sys.prefix != sys.base_prefix\n"
        + WRITE
    )
    source = make_source("one", text, requirements=(str(wheel),))
    cache = tmp_path / "cache"
    export = export_all(["small"], cache, sources=[source])["small"]
    assert export.left_out == {}
    (installed,) = cache.glob("venv-one-*/installed.txt")
    assert installed.read_text().startswith("testling @ ")

    again = export_all(["small"], cache, sources=[source])["small"]
    assert again == export
    assert runs_of(source) == ["small 256"]
    source.exporter.write_text(text + "# changed\n")
    changed = export_all(["small"], cache, sources=[source])["small"]
    assert runs_of(source) == ["small 256", "small 256"]
    assert set(changed.files.values()).isdisjoint(export.files.values())
    assert len(list(cache.glob("venv-one-*/"))) == 1


def test_ours_are_made_anew(make_source, tmp_path):
    """Their code may have changed where no digest sees it."""
    source = make_source("ours")
    for _ in range(2):
        export_all(["small"], tmp_path / "cache", sources=[source])
    assert runs_of(source) == ["small 256", "small 256"]


@pytest.mark.slow
def test_what_pip_can_not_install_is_left_out(make_source, wheel, tmp_path):
    bad = make_source("bad", requirements=("no-such-testling==1.0",))
    sources = [bad, make_source("good")]
    exports = export_all(
        ["small", "large"], tmp_path / "cache", sources=sources
    )
    for export in exports.values():
        assert list(export.files) == ["good float32", "good int8"]
        for reason in export.left_out.values():
            assert reason.startswith("can not be installed: ERROR: ")
            assert "no-such-testling==1.0" in reason
    assert not bad.exporter.with_name("runs.txt").exists()


def test_a_command_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("logged_commands.TIMEOUT_S", 0.1)
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(CommandError, match=r"more than 0.1 s"):
        run_logged(command, tmp_path / "a.log")


def test_a_command_that_is_not_there(tmp_path):
    with pytest.raises(CommandError, match="no-such-python"):
        run_logged([tmp_path / "no-such-python"], tmp_path / "a.log")


# === The exporters ===


@pytest.mark.parametrize("path", sorted(EXPORTERS.glob("*.py")), ids=str)
def test_exporters_of_baselines_do_not_need_this_package(path):
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    ours = "keras_mobilevit" in imported
    assert ours == (path.name == "export_ours.py")


def test_kecam_exports_every_variant():
    tree = ast.parse((EXPORTERS / "export_kecam.py").read_text())
    (listed,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "CONSTRUCTORS"
    )
    assert [key.value for key in listed.keys] == list(variants())


def test_sources_have_exporters_and_pinned_requirements():
    for source in SOURCES.values():
        assert source.exporter.is_file()
        assert all("==" in item for item in source.requirements)
    assert SOURCES["ours"].requirements == ()
    assert len(SOURCES) == 4


@pytest.fixture
def lively_weights(monkeypatch):
    monkeypatch.syspath_prepend(EXPORTERS)
    yield importlib.import_module("lively_weights")
    del sys.modules["lively_weights"]


def test_lively_weights_leave_nothing_to_fold_away(lively_weights):
    """Not a scale of 1 or 0, not an offset of 0, not a negative variance."""
    norm = keras.layers.BatchNormalization(
        gamma_initializer="zeros", name="norm"
    )
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(64, name="dense"), norm]
    )
    kernel = model.layers[0].kernel.numpy()
    lively_weights.keras_lively(model, np.random.RandomState(0))
    # Four standard deviations around the means, for 64 draws each.
    gamma, variance = norm.gamma.numpy(), norm.moving_variance.numpy()
    assert (0.2 <= gamma).all() and (gamma <= 1.8).all()
    assert (np.exp(-1.2) < variance).all() and (variance < np.exp(1.2)).all()
    offsets = [norm.beta, norm.moving_mean, model.layers[0].bias]
    for values in (gamma - 1, np.log(variance), *map(np.array, offsets)):
        assert np.abs(values).min() > 0
        assert np.abs(values).max() < 1.2
        assert values.std() > 0.1
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel)


def test_lively_weights_of_torch_revive_zero_scales(lively_weights):
    """timm's last scales are zero at first, and their branches no work."""
    torch = pytest.importorskip("torch")
    norm = torch.nn.BatchNorm2d(64)
    torch.nn.init.zeros_(norm.weight)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 64, 1), norm)
    kernel = model[0].weight.detach().clone()
    lively_weights.torch_lively(model, np.random.RandomState(0))
    assert 0.2 <= norm.weight.min() and norm.weight.max() <= 1.8
    assert np.exp(-1.2) < norm.running_var.min()
    assert norm.running_var.max() < np.exp(1.2)
    for offset in (norm.bias, norm.running_mean, model[0].bias):
        assert 0 < abs(offset).min() and abs(offset).max() < 1
    assert norm.num_batches_tracked == 0
    assert torch.equal(model[0].weight, kernel)


def test_images_are_pixels(lively_weights):
    images = lively_weights.make_images(2, 32, np.random.RandomState(0))
    assert images.shape == (2, 32, 32, 3)
    assert images.dtype == np.float32
    assert 0 <= images.min() < 20 and 235 < images.max() <= 255


@pytest.mark.slow
def test_ours_is_exported(tmp_path):
    export = export_all(
        ["mobilevit_xxs"], tmp_path, sources=[SOURCES["ours"]], size=64
    )["mobilevit_xxs"]
    assert export.left_out == {}
    for path in export.files.values():
        assert inspect(path).partitions == 1


# === The summary ===


def test_summary_has_a_column_a_benchmark():
    def measure(name, ms):
        return Measurement(
            name,
            num_threads=2,
            facts=None,
            inspection=None,
            start=None,
            warmup_ms=np.array([99]),
            ms=np.array(ms),
            speedup=None,
        )

    measurements = [measure("a", [2, 4, 6, 8]), measure("b", [1, 2, 3, 2])]
    table = to_summary({"xxs": measurements, "xs": measurements[1:]})
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in table.splitlines()
    ]
    assert rows[0] == ["median ms", "xxs, 2T", "xs, 2T"]
    assert rows[2:] == [["a", "5.00", "-"], ["b", "2.00", "2.00"]]


# === The tool ===


ARGV = (
    *("--variants", "mobilevit_xxs", "--size", "32"),
    *("--runs", "2", "--warmup", "0", "--threads", "1"),
)


def test_tool_measures_what_there_is(
    make_source, tmp_path, monkeypatch, capsys
):
    bad = make_source("bad", EXPORTER + "raise OSError('no bad today')\n")
    good = dataclasses.replace(make_source("good"), environment={"A": "1"})
    monkeypatch.setattr(
        benchmark_baselines, "SOURCES", {"bad": bad, "good": good}
    )
    path = tmp_path / "a.json"
    argv = [*ARGV, "--cache", str(tmp_path / "cache"), "--json", str(path)]
    assert benchmark_baselines.main(argv) == 0
    out = capsys.readouterr().out
    assert "left out of mobilevit_xxs: bad float32" in out
    tree = json.loads(path.read_text())
    assert tree["sources"] == {"bad": [], "good": []}
    tree = tree["variants"]["mobilevit_xxs"]
    assert list(tree["left_out"]) == ["bad float32", "bad int8"]
    assert "no bad today" in tree["left_out"]["bad int8"]
    assert [result["file"] for result in tree["results"]] == [
        "good float32",
        "good int8",
    ]


def test_tool_fails_where_nothing_is_left(
    make_source, tmp_path, monkeypatch, capsys
):
    bad = make_source("bad", "raise OSError('no bad today')\n")
    monkeypatch.setattr(benchmark_baselines, "SOURCES", {"bad": bad})
    assert (
        benchmark_baselines.main([*ARGV, "--cache", str(tmp_path / "cache")])
        == 1
    )
    captured = capsys.readouterr()
    assert "no bad today" in captured.out
    assert captured.err.startswith("error: ")
