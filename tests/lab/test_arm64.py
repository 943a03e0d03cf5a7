"""Emulated Arm64: command lines, refusals, comparison; and it for real."""

import dataclasses
import json
import math
import os
import pathlib
import re
import shutil
import sys

import keras
import numpy as np
import pytest

import check_arm64
from arm64 import (
    CORES,
    Emulator,
    Instructions,
    agreement,
    apt,
    as_json,
    as_tables,
    check_files,
    counting,
    default_cache,
    emulator,
    logits,
    prepare,
    programs,
)
from keras_mobilevit.tflite import RECIPES, quantize
from keras_mobilevit.tflite.graph import read_graph
from keras_mobilevit.tflite.inspection.delegation import delegated_nodes
from keras_mobilevit.tflite.quantization.calibration import calibrate

PLUGIN_SOURCE = pathlib.Path(agreement.__file__).with_name("instructions.c")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A float32 and an int8 file that end in a softmax."""
    tf = pytest.importorskip("tensorflow")
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(1, 8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(5, activation="softmax"),
        ]
    )
    state = np.random.RandomState(0)
    for variable in model.weights:
        variable.assign(0.5 * state.standard_normal(variable.shape))
    data = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    images = state.randint(0, 256, (10, 8, 8, 3)).astype(np.float32)
    calibration = calibrate(data, images)
    paths = []
    for recipe in ("float32", "int8"):
        path = tmp_path_factory.mktemp("files") / f"{recipe}.tflite"
        path.write_bytes(quantize(data, RECIPES[recipe](), calibration))
        paths.append(path)
    return paths


@pytest.fixture
def host_emulator(tmp_path):
    """An "emulator" that runs the host's own Python: all else is real."""
    qemu = tmp_path / "qemu-aarch64"
    # -cpu CORE -L ROOT PYTHON SCRIPT ...
    qemu.write_text(f'#!/bin/sh\nshift 5\nexec {sys.executable} "$@"\n')
    qemu.chmod(0o755)
    packages = pathlib.Path(np.__file__).parents[1]
    return Emulator(qemu, tmp_path / "root", packages)


# === Debian's packages ===


needs_apt = pytest.mark.skipif(
    not (shutil.which("apt-get") and shutil.which("dpkg-deb")),
    reason="this machine has no apt",
)


@needs_apt
def test_reads_sources_of_one_line_each(tmp_path):
    path = tmp_path / "some.list"
    path.write_text(
        "deb [trusted=yes] http://other.example bookworm main\n"
        "# deb http://off.example/debian bookworm main\n"
        "deb-src http://source.example/debian bookworm main\n"
        "deb http://mirror.example/debian-security bookworm-security main\n"
        "deb http://mirror.example/debian bookworm main contrib\n"
    )
    found = apt.read_sources(path)
    assert found == [
        ("http://other.example/", "bookworm", "main"),
        (
            "http://mirror.example/debian-security/",
            "bookworm-security",
            "main",
        ),
        ("http://mirror.example/debian/", "bookworm", "main"),
        ("http://mirror.example/debian/", "bookworm", "contrib"),
    ]
    assert apt.debian_release(found) == found[2]


@needs_apt
def test_reads_sources_of_paragraphs(tmp_path):
    path = tmp_path / "some.sources"
    path.write_text(
        "Types: deb\nEnabled: no\nURIs: http://off.example/debian\n"
        "Suites: trixie\nComponents: main\n\n"
        "Types: deb deb-src\nURIs: http://mirror.example/debian\n"
        "Suites: trixie-updates trixie\nComponents: main\n"
    )
    found = apt.read_sources(path)
    assert found == [
        ("http://mirror.example/debian/", "trixie-updates", "main"),
        ("http://mirror.example/debian/", "trixie", "main"),
    ]
    assert apt.debian_release(found) == found[1]


def test_without_a_debian_mirror():
    sources = [apt.Source("http://a.example/ubuntu/", "noble", "main")]
    with pytest.raises(ValueError, match="a.example/ubuntu/") as caught:
        apt.debian_release(sources)
    assert "deb URI/debian SUITE main" in str(caught.value)


def test_without_apt(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt-get, dpkg-deb"):
        apt.read_sources()
    with pytest.raises(FileNotFoundError, match="apt-get, dpkg-deb"):
        apt.Archive(tmp_path / "apt", [], "arm64")
    assert not (tmp_path / "apt").exists()


def test_a_failing_program_is_quoted():
    code = "import sys; print('a\\nb\\nc\\nd', file=sys.stderr); sys.exit(3)"
    with pytest.raises(RuntimeError, match="ended with 3: b c d"):
        programs.run([sys.executable, "-c", code])


# === The emulator ===


def test_command():
    machine = Emulator(*map(pathlib.Path, ("/q", "/r", "/p", "/i.so")))
    expected = [
        "env",
        "--ignore-environment",
        "PYTHONPATH=/p",
        "PYTHONHASHSEED=0",
        "OPENBLAS_NUM_THREADS=1",
        *("/q", "-cpu", "cortex-a76", "-L", "/r"),
        *("/r/usr/bin/python3.13", "script.py", "a", "b"),
    ]
    assert machine.command("cortex-a76", "script.py", ("a", "b")) == expected
    expected[10:10] = ["-plugin", "/i.so,out=/tmp/c.txt"]
    assert expected == machine.command(
        "cortex-a76", "script.py", ("a", "b"), counts="/tmp/c.txt"
    )
    with pytest.raises(ValueError, match="at commas"):
        machine.command("cortex-a76", "script.py", counts="/tmp/a,b.txt")


@pytest.mark.parametrize("core", ["max", "max,sve=off"])
def test_max_with_sme_is_refused(core, files, capsys):
    with pytest.raises(ValueError, match="half-precision arithmetic"):
        emulator.check_core(core)
    # Before anything is fetched.
    assert check_arm64.main([str(files[0]), "--cores", core]) == 1
    assert "wrong results" in capsys.readouterr().err


@pytest.mark.parametrize("core", [*CORES, "cortex-a710"])
def test_other_cores_are_accepted(core):
    emulator.check_core(core)


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("qemu-aarch64 version 10.0.13 (Debian 1:10.0.13+ds-0)", "10.0.13"),
        ("qemu-aarch64 version 11.0.50\nCopyright", "11.0.50"),
    ],
)
def test_new_qemu(printed, version):
    assert emulator.parse_version(printed) == version


@pytest.mark.parametrize(
    "printed",
    [
        "qemu-aarch64 version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)",
        "qemu-x86_64 version 10.0.13",
        "",
    ],
)
def test_unfit_qemu_is_refused(printed, tmp_path):
    with pytest.raises(ValueError, match="qemu-aarch64 10 or newer"):
        emulator.parse_version(printed)
    program = tmp_path / "qemu"
    program.write_text(f"#!/bin/sh\necho '{printed}'\n")
    program.chmod(0o755)
    with pytest.raises(ValueError, match="qemu-aarch64 10 or newer"):
        emulator.check_qemu(program)


def test_missing_qemu(tmp_path):
    with pytest.raises(FileNotFoundError, match="no qemu-aarch64 at"):
        emulator.check_qemu(tmp_path / "qemu")


# === Preparation ===


def test_cache_follows_the_user(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert default_cache() == pathlib.Path("/c/keras_mobilevit/arm64")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert default_cache() == pathlib.Path("/h/.cache/keras_mobilevit/arm64")


def test_counting_needs_a_qemu_that_can(tmp_path):
    with pytest.raises(ValueError, match="--build-qemu"):
        prepare(tmp_path, counting=True)
    with pytest.raises(ValueError, match="belong together"):
        prepare(tmp_path, counting=True, qemu="/q")
    with pytest.raises(ValueError, match="belong together"):
        prepare(tmp_path, counting=True, build=True, plugin="/p.so")
    assert not list(tmp_path.iterdir())


def test_a_failed_preparation_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    cache = tmp_path / "cache"
    with pytest.raises(FileNotFoundError, match="apt-get"):
        prepare(cache)
    assert not list(cache.iterdir())


# === Comparison ===


# 1 → 2 → 3 → 4; a delegate replaces operations 1 and 2.
OPERATIONS = [
    {"index": 0, "op_name": "QUANTIZE", "inputs": [0], "outputs": [1]},
    {"index": 1, "op_name": "CONV_2D", "inputs": [1, 9], "outputs": [2]},
    {"index": 2, "op_name": "MEAN", "inputs": [2], "outputs": [3]},
    {"index": 3, "op_name": "SOFTMAX", "inputs": [3], "outputs": [4]},
    {"index": 4, "op_name": "DELEGATE", "inputs": [1, 9], "outputs": [3]},
]


def test_delegated_nodes():
    assert delegated_nodes(OPERATIONS) == ({1, 2}, 1)
    assert delegated_nodes(OPERATIONS[:4]) == (set(), 0)


def findings(outputs, operations=OPERATIONS):
    return agreement.Findings(operations, True, np.array(outputs, np.float64))


def test_compare_equal():
    host = findings([[1, 2], [4, math.nan]])
    result = agreement.compare("f", "c", host, host)
    assert (result.nodes, result.delegated, result.partitions) == (4, 2, 1)
    assert result.same_delegation
    assert (result.identical, result.images) == (2, 2)


def test_compare_different():
    host = findings([[4, -4], [0, 2]])
    # Logits less their mean: signal 2·16 + 2·1, noise 2·0.25 in the first.
    arm = findings([[4.5, -4.5], [0, 2]], operations=OPERATIONS[:4])
    result = agreement.compare("f", "c", host, arm)
    assert (result.nodes, result.delegated, result.partitions) == (4, 0, 0)
    assert not result.same_delegation
    assert result.identical == 1
    assert result.sqnr == pytest.approx(10 * math.log10(34 / 0.5))
    assert result.same_top1
    swapped = findings([[4, -4], [3, 2]])
    assert not agreement.compare("f", "c", host, swapped).same_top1


# === The whole way, with the host as the Arm64 machine ===


def test_check_files_on_the_host_itself(files, host_emulator):
    results = check_files(files, host_emulator, ["a", "b"], images=2)
    assert [result.core for result in results] == ["a", "b"] * 2
    assert [result.integer for result in results] == [False] * 2 + [True] * 2
    for result in results:
        assert result.same_delegation
        assert result.delegated == result.nodes
        assert result.identical == result.images == 2
        assert result.sqnr == math.inf


@pytest.mark.parametrize("place", [0, 1])
def test_the_softmax_of_the_logits_is_the_output(files, place, tmp_path):
    probe = pytest.importorskip("arm64.inference_probe")
    cut = tmp_path / "logits.tflite"
    cut.write_bytes(logits.cut_to_logits(files[place].read_bytes()))
    marks = []
    paths = str(files[place]), str(cut)
    found = probe.probe(*paths, 3, 0, 255, lambda: marks.append(None))
    assert len(marks) == 6  # around each inference
    powers = np.exp(found["outputs"])
    actual = powers / powers.sum(axis=1, keepdims=True)
    expected = probe.run(probe.make_interpreter(paths[0]), 3, 0, 255)
    assert np.abs(actual - expected).max() < 1e-6

    before, after = (
        read_graph(pathlib.Path(path).read_bytes()) for path in paths
    )
    removed = [node.kind for node in before.nodes[len(after.nodes) :]]
    assert removed == [["SOFTMAX"], ["DEQUANTIZE", "SOFTMAX"]][place]
    assert [tensor.dtype for tensor in after.outputs] == (
        [["float32"], ["int8"]][place]
    )


def test_random_inputs_of_every_type():
    probe = pytest.importorskip("arm64.inference_probe")

    def draw(dtype, low=0, high=255, seed=0):
        detail = {"name": "x", "dtype": dtype, "shape": [1, 20, 32, 3]}
        return probe.random_input(seed, detail, low, high).astype(np.float64)

    pixels = draw(np.uint8)
    assert pixels.shape == (1, 20, 32, 3)
    assert 0 <= pixels.min() < 32 and 223 < pixels.max() <= 255
    # Blocks of 4 columns, of which a quarter is grain.
    assert np.ptp(pixels[0, 0, :4, 0]) <= 64 < np.ptp(pixels[0, 0, ::4, 0])
    np.testing.assert_array_equal(draw(np.int8), pixels - 128)
    np.testing.assert_array_equal(draw(np.float32), pixels)
    np.testing.assert_allclose(
        draw(np.float32, -1, 1), pixels / 127.5 - 1, atol=1e-6
    )
    assert (draw(np.uint8, seed=1) != pixels).any()
    with pytest.raises(ValueError, match="int32"):
        draw(np.int32)


@pytest.mark.slow
def test_tool(files, host_emulator, monkeypatch, capsys):
    monkeypatch.setattr(check_arm64, "prepare", lambda *_, **__: host_emulator)
    paths = [str(path) for path in files]
    assert check_arm64.main([*paths, "--json", "--require-identical"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["results"]) == len(paths) * len(CORES)
    assert told["results"][0]["sqnr"] is None  # infinite
    assert told["numpy"] == np.__version__

    # A core that computes otherwise: the inputs are twice as large.
    qemu = host_emulator.qemu
    qemu.write_text(
        qemu.read_text().replace("exec", "set -- $1 $2 $3 $4 $5 $6 510\nexec")
    )
    arguments = [*paths, "--cores", "cortex-a53"]
    assert check_arm64.main(arguments) == 0
    capsys.readouterr()
    assert check_arm64.main([*arguments, "--require-identical"]) == 1
    error = capsys.readouterr().err
    assert f"not bit-identical: {paths[1]} on cortex-a53" in error
    assert paths[0] not in error  # floats may differ


def test_tool_refuses_bad_files(capsys, tmp_path):
    assert check_arm64.main([str(tmp_path / "none.tflite")]) == 1
    assert "error: There is no .tflite file at" in capsys.readouterr().err
    path = tmp_path / "text.tflite"
    path.write_text("no model")
    assert check_arm64.main([str(path)]) == 1
    assert "Expected a complete .tflite file" in capsys.readouterr().err


def test_needs_images(files, host_emulator, tmp_path):
    with pytest.raises(ValueError, match="`images` must be 1 or more"):
        check_files(files, host_emulator, images=0)
    counting_emulator = dataclasses.replace(host_emulator, plugin=tmp_path)
    with pytest.raises(ValueError, match="`images` must be 2 or more"):
        check_files(files, counting_emulator, images=1)


# === Instructions ===

# Words and names from the disassembler Capstone 5.
WORDS = {
    "fmla32": [0x4E22CC20, 0x4F821020, 0x4FA21820],
    "fmla16": [0x4E420C20, 0x4F021020],
    "dot": [0x4E829420, 0x6E829420, 0x4F82E020, 0x6F82E020],
    "mmla": [0x4E82A420, 0x6E82A420, 0x4E82AC20],
    "mlal": [0x0E628020, 0x0F422020, 0x2E628020, 0x4F422020],
    # add, fmul, fmls (4), fmla of doubles, fcmla, smull, mla
    None: [
        *(0x4EA28420, 0x6E22DC20, 0x4EA2CC20, 0x4EC20C20, 0x4F825020),
        *(0x4E62CC20, 0x6F821020, 0x0E22C020, 0x4EA29420),
    ],
}


def test_plugin_knows_instructions():
    encodings = re.findall(
        r"\{0x(\w{8}), 0x(\w{8}), (\w+)\}", PLUGIN_SOURCE.read_text()
    )
    assert len(encodings) == 9
    for kind, words in WORDS.items():
        for word in words:
            kinds = [
                name.lower()
                for mask, value, name in encodings
                if word & int(mask, 16) == int(value, 16)
            ]
            assert kinds == ([kind] if kind else []), hex(word)


def test_plugin_and_python_agree():
    probe = pytest.importorskip("arm64.inference_probe")
    source = PLUGIN_SOURCE.read_text()
    (mark,) = re.findall(r"#define MARK (\d+)", source)
    assert int(mark) == probe.MARK
    (kinds,) = re.findall(r"enum \{ (.*), KINDS \};", source)
    names = [field.name for field in dataclasses.fields(Instructions)]
    assert kinds.lower().split(", ") == names


def test_last_inference():
    text = "10 0 0 0 0 0\n60 5 0 0 0 0\n70 5 0 0 0 0\n100 9 1 2 3 4\n"
    found = counting.last_inference(text)
    assert found == Instructions(30, 4, 1, 2, 3, 4)
    for bad in ("", text[:26], text.replace(" 4\n", "\n"), text * 2 + "1 " * 6):
        with pytest.raises(ValueError, match="at least two inferences"):
            counting.last_inference(bad)


def test_tables():
    host = findings([[1, 2]])
    plain = agreement.compare("f.tflite", "cortex-a53", host, host)
    assert as_tables([plain]).splitlines()[-1].split() == (
        "| f.tflite | 2/4 in 1 | yes | 1/1 | inf | yes |".split()
    )
    counted = dataclasses.replace(
        plain, instructions=Instructions(3_000_000, 500_000, 0, 0, 0, 0)
    )
    half = dataclasses.replace(
        plain, instructions=Instructions(1_500_000, 0, 0, 10_000, 0, 0)
    )
    text = as_tables([counted, half])
    assert "| 1.50 | 0.00   | 0.00   | 0.01 | 0.00 | 0.00 | 0.500" in text
    assert "Instructions are not time" in text
    told = json.loads(as_json([counted]))["results"][0]
    assert told["instructions"]["fmla32"] == 500_000


# === For real ===


@pytest.fixture(scope="module")
def cache():
    path = os.environ.get("KERAS_MOBILEVIT_ARM64")
    if not path:
        pytest.skip("no emulated machine: KERAS_MOBILEVIT_ARM64 is not set")
    return path


@pytest.mark.slow
def test_on_emulated_cores(cache, files):
    results = check_files(files, prepare(cache), CORES)
    assert len(results) == 6
    for result in results:
        assert result.same_delegation
        assert result.delegated == result.nodes
        assert result.same_top1
        # float32 has 24 bits of 6 dB each; a few are lost on the way.
        assert result.sqnr > 100
        assert result.identical == result.images or not result.integer


@pytest.mark.slow
def test_instructions_of_emulated_cores(cache, files):
    if not (pathlib.Path(cache) / "qemu-counting").is_dir():
        pytest.skip("no qemu that counts in KERAS_MOBILEVIT_ARM64")
    results = check_files(files, prepare(cache, counting=True), CORES)
    kinds = {
        (result.core, result.integer): {
            kind
            for kind, count in vars(result.instructions).items()
            if count > 1000 and kind != "all"
        }
        for result in results
    }
    assert kinds == {
        ("cortex-a76", False): {"fmla32"},
        ("cortex-a53", False): {"fmla32"},
        ("max,sme=off", False): {"fmla32"},
        ("cortex-a76", True): {"dot"},
        ("cortex-a53", True): {"mlal"},
        ("max,sme=off", True): {"mmla"},
    }
