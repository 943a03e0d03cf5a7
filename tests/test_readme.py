"""The code blocks of the documentation do what they say."""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
import synthetic
from PIL import Image

import keras_mobilevit
from keras_mobilevit.cli.main import build_parser
from keras_mobilevit.images import load_input
from keras_mobilevit.labels import class_names
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.tflite import ImageModel
from keras_mobilevit.tflite.metadata import append_metadata

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
FILES = ROOT / "tests" / "tflite" / "files"

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "keras_mobilevit/MODEL_INFO.md",
    "keras_mobilevit/android/README.md",
    "keras_mobilevit/compression/README.md",
    "keras_mobilevit/tflite/INT8.md",
    "keras_mobilevit/tflite/README.md",
    "keras_mobilevit/training/README.md",
    "tools/android/README.md",
    "tools/android/core/README.md",
    "tools/golden_values/README.md",
    "tools/lab/README.md",
    "tools/web/README.md",
)
EXPORT_QUICKSTART = "Quickstart: export to int8 and run the file"
# Languages of blocks; "text" is what a command prints, "" is a shell's.
LANGUAGES = {"", "json", "kotlin", "python", "text"}


def read_blocks(text):
    """Pairs of language and contents, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


def blocks(section, language):
    """The code blocks of a section of the README, in order."""
    text = README.read_text(encoding="utf-8")
    (body,) = re.findall(
        rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.M | re.S
    )
    return [code for kind, code in read_blocks(body) if kind == language]


def documented(language):
    """Document and contents of each block in a language."""
    return [
        (name, code)
        for name in DOCUMENTS
        for kind, code in read_blocks((ROOT / name).read_text("utf-8"))
        if kind == language
    ]


def shell_lines():
    """Document and words of each command in the shell blocks."""
    found = []
    for name, code in documented(""):
        # Here-documents go, continued lines are joined.
        code = re.sub(r" <<'(\w+)'\n.*?^\1$", "", code, flags=re.M | re.S)
        for line in code.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                found.append((name, words))
    return found


def commands(program):
    """Test cases: the arguments of each call of a program."""
    return [
        pytest.param(words[1:], id=f"{name}: {shlex.join(words)}")
        for name, words in shell_lines()
        if words[0] == program
    ]


def write_photo(path, seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    Image.fromarray(coarse).resize((120, 96)).save(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the blocks find the images and files that they name."""
    monkeypatch.chdir(tmp_path)
    for index, label in enumerate(class_names("cifar10")):
        (tmp_path / "DIR" / label).mkdir(parents=True)
        for number in range(3):
            write_photo(f"DIR/{label}/{number}.png", 3 * index + number)
    write_photo("photo.jpg", 100)
    write_photo("street.jpg", 101)
    for name, file in (
        ("detector", "v1_detector_nms_float32"),
        ("deeplab", "v1_segmenter_mask_float32"),
    ):
        shutil.copy(FILES / f"{file}.tflite", f"{name}.tflite")
    return tmp_path


# === Every block ===


def test_all_documents_are_checked():
    """And every block says in which language it is."""
    found = {
        str(path.relative_to(ROOT))
        for part in ("*.md", "keras_mobilevit/**/*.md", "tools/**/*.md")
        for path in ROOT.glob(part)
        # Not ours.
        if "node_modules" not in path.parts
    }
    with_blocks = {
        name for name in found if "```" in (ROOT / name).read_text("utf-8")
    }
    assert with_blocks <= {*DOCUMENTS, "CHANGELOG.md"}
    for name in DOCUMENTS:
        text = (ROOT / name).read_text("utf-8")
        assert {kind for kind, _ in read_blocks(text)} <= LANGUAGES
        assert text.count("```") == 2 * len(read_blocks(text))


def test_shell_blocks_hold_commands_that_exist():
    for name, words in shell_lines():
        program = next(word for word in words if "=" not in word)
        assert program in {
            *("keras-mobilevit", "make", "pip", "python", ".ci/run"),
            # Of Android, which are not here.
            *(".venv/bin/python", "adb", "cd", "gcloud", "gradle"),
            *("./gradlew", "node"),
        }, (name, words)
        if program == "node":
            assert (ROOT / words[1]).is_file(), (name, words)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_every_python_block_runs_below():
    quickstart = blocks("Quickstart: classify and fine-tune in Keras", "python")
    dense = blocks("Detection and segmentation", "python")
    prepare = blocks(EXPORT_QUICKSTART, "python")
    run = [("README.md", code) for code in (*quickstart, *prepare, *dense)]
    assert len(run) == 3
    assert documented("python") == run


@pytest.mark.parametrize("arguments", commands("keras-mobilevit"))
def test_commands_parse(arguments):
    parsed = build_parser().parse_args(arguments)
    assert callable(parsed.run)


@pytest.mark.parametrize("arguments", commands("make"))
def test_make_targets_exist(arguments):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in arguments:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.M)


@pytest.mark.parametrize("arguments", commands("pip"))
def test_packages_and_extras_exist(arguments):
    """`[extra]` of this package, or what the runtime needs."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    extras = re.search(
        r"^\[project.optional-dependencies\]\n(.*?)^\[", text, re.M | re.S
    )[1]
    runtime = re.search(r"^runtime = \[(.*?)^\]", extras, re.M | re.S)[1]
    assert arguments[0] == "install"
    for word in arguments[1:]:
        if word in ("-e", "--no-deps"):
            continue
        match = re.fullmatch(r"([\w.-]+)(?:\[([\w,]+)\])?", word)
        name, chosen = match.groups()
        if name not in (".", "keras-mobilevit"):
            assert re.search(rf'"{re.escape(name)}[>="]', runtime)
        for extra in (chosen or "").split(","):
            assert not extra or re.search(rf"^{extra} = \[", extras, re.M)


def lab_commands():
    """Test cases: lab script and its options, in blocks and in tables."""
    found = {}
    for name in DOCUMENTS:
        text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
        for script, rest in re.findall(
            r"python\s+(tools/[\w/]+\.py)([^`\n]*)", text
        ):
            found.setdefault(script, set()).update(
                re.findall(r"--[\w-]+", rest)
            )
    return [(script, sorted(found[script])) for script in sorted(found)]


@pytest.mark.parametrize("script, options", lab_commands())
def test_lab_scripts_have_the_options(script, options):
    text = (ROOT / script).read_text("utf-8")
    for option in options:
        assert f'"{option}"' in text


def is_part(part, whole):
    """Whether all keys of nested objects have the same values."""
    if isinstance(part, dict):
        return all(
            key in whole and is_part(value, whole[key])
            for key, value in part.items()
        )
    return part == whole


@pytest.mark.parametrize("block", [code for _, code in documented("json")])
def test_descriptions_are_read(block):
    info = ModelInfo.from_json(block)
    assert is_part(json.loads(block), json.loads(info.to_json()))
    for part in (info, info.image, info.output):
        assert not part.unknown


@pytest.mark.parametrize(
    "arguments",
    [
        case
        for case in commands("keras-mobilevit")
        if case.values[0][:2] == ["predict", "street.jpg"]
    ],
)
def test_detection_and_segmentation_of_a_file(folder, command, arguments):
    assert command(*arguments) == 0
    with Image.open(arguments[arguments.index("-o") + 1]) as drawn:
        # A legend of the classes stands below a mask.
        assert drawn.width == 120 and drawn.height >= 96


# === Blocks that run as a whole ===


def prepare_without_the_package():
    """What the block on preprocessing makes of `photo.jpg`."""
    (code,) = blocks(EXPORT_QUICKSTART, "python")
    assert "keras_mobilevit" not in code
    found = {}
    exec(compile(code, str(README), "exec"), found)
    return found["batch"]


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("width, height", [(120, 96), (33, 90), (64, 64)])
@pytest.mark.parametrize(
    "spec",
    [
        ImageSpec(size=(96, 96), pre_resize=32),
        ImageSpec(size=(48, 80), crop_pct=0.875),
        ImageSpec(size=(31, 47), crop_pct=0.9, pre_resize=20),
        ImageSpec(size=(32, 32), scale=1 / 127.5, offset=-1.0),
    ],
)
def test_preprocessing_without_the_package(
    tmp_path, monkeypatch, spec, width, height, orientation
):
    """Each pixel is that of `predict`."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(width)
    noise = rng.integers(0, 256, (height, width, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(noise).save("photo.jpg", exif=exif)
    file = append_metadata(b"the graph", ModelInfo(image=spec))
    pathlib.Path("model.tflite").write_bytes(file)
    expected = load_input("photo.jpg", spec.size, spec).astype(np.float32)
    expected = expected * spec.scale + spec.offset
    batch = prepare_without_the_package()
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, expected[None])


@pytest.mark.slow
def test_keras_quickstart(folder, capsys):
    (code,) = blocks("Quickstart: classify and fine-tune in Keras", "python")
    exec(compile(code, str(README), "exec"), {})
    named = re.findall(r"label='(\w+)', ", capsys.readouterr().out)
    assert len(named) == 3
    assert set(named) <= set(class_names("cifar10"))
    assert (folder / "flowers.keras").exists()


@pytest.mark.slow
def test_segmentation(folder):
    (code,) = blocks("Detection and segmentation", "python")
    # The published weights can not be downloaded everywhere.
    code = code.replace("(input_shape=", "(weights=None, input_shape=")
    found = {}
    exec(compile(code, str(README), "exec"), found)
    (mask,) = found["masks"]
    assert mask.shape == (96, 120)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        case
        for case in commands("keras-mobilevit")
        if case.values[0][0] == "convert"
    ],
)
def test_conversions(folder, command, arguments):
    _, source, target = arguments
    checkpoint = synthetic.Checkpoint("s", classes=1000)
    checkpoint.write("timm", folder / source)
    assert command(*arguments) == 0
    info = keras_mobilevit.open_model(target).info
    assert (info.name, info.classes) == ("mobilevit_s", 1000)


@pytest.mark.slow
def test_export_quickstart(folder):
    first, second, install = blocks(EXPORT_QUICKSTART, "")
    assert "pip install --no-deps" in install
    path = os.pathsep.join(
        [str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]
    )
    done = subprocess.run(
        ["bash", "-e", "-c", first + second],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "dB" in done.stdout
    assert {file.name for file in folder.iterdir()} >= {
        *("model.tflite", "float32.tflite", "report.html")
    }
    expected = ImageModel("model.tflite").load_image("photo.jpg")
    np.testing.assert_array_equal(prepare_without_the_package()[0], expected)
