#!/usr/bin/env python3
"""Builds the distribution, checks it, and runs its commands away from here.

The wheel is installed into a fresh virtual environment in a temporary folder,
where every public command runs on real photos: those that scikit-image ships.
A second environment holds what the documentation names for small devices, and
neither Keras nor TensorFlow. `make wheel-test` and `make oldest-test` call
this, with the newest and the oldest versions of all dependencies.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = "keras_mobilevit"
EXTRAS = "checkpoints,demo,report,train"
# On small devices, the wheel itself is installed with `--no-deps`.
SMALL_RUNTIME = ("numpy", "pillow", "ai-edge-litert", "tqdm")
COMMANDS = (
    *("train", "export", "predict", "evaluate", "inspect"),
    *("benchmark", "report", "convert", "compress", "search", "pack"),
)
# Photos of scikit-image; that of the cat does not calibrate.
CAT = "chelsea.png"
OTHERS = (
    *("astronaut.png", "coffee.png", "rocket.jpg"),
    *("motorcycle_left.png", "retina.jpg"),
)
# Of this process, which its children shall not have; the last hides logs.
HIDDEN = {"VIRTUAL_ENV", "TF_CPP_MIN_LOG_LEVEL"}
ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_MOBILEVIT_PROGRESS_SECONDS": "0",
}
EMBEDDED = "checkpoints/embedded/mobilevit_xxs_cifar10"
# A network and images, in files; neither learned anything.
SMALL_NETWORK = """
import keras, numpy
from PIL import Image

keras.utils.set_random_seed(0)
layers = [keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 255)]
for filters in (8, 16):
    layers.append(keras.layers.Conv2D(filters, 3, 2, activation="relu"))
layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5)]
keras.Sequential(layers).save("small.keras")
rng = numpy.random.default_rng(0)
for index in range(40):
    pixels = rng.integers(0, 256, (4, 4, 3), numpy.uint8)
    Image.fromarray(pixels).resize((48, 32)).save(f"textures/{index}.png")
"""
# Tests that need no package besides those of EXTRAS.
TESTS = (
    "tests/test_model_info.py",
    "tests/test_class_scores.py",
    "tests/layers",
    "tests/tflite/test_files_of_version_1.py",
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--constraints",
        type=pathlib.Path,
        metavar="FILE",
        help="versions of the dependencies (default: the newest allowed)",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="only export, predict and evaluate, and some fast tests",
    )
    parser.add_argument(
        "--dist",
        type=pathlib.Path,
        metavar="DIR",
        help="leave the wheel and the sdist here (default: nowhere)",
    )
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with _timed("build"):
            wheel, sdist = build(folder / "dist")
        with _timed("contents"):
            check_contents(wheel, sdist)
        with _timed("installation"):
            scripts = install(
                folder / "venv",
                [
                    f"{PACKAGE}[{EXTRAS}] @ {wheel.as_uri()}",
                    *(["pytest"] if arguments.smoke else []),
                ],
                arguments.constraints,
            )
        work = folder / "work"
        work.mkdir()
        photos, embedded = find_data(scripts, work)
        with _timed("commands"):
            export(scripts, work, photos)
            if not arguments.smoke:
                run_all(scripts, work, photos, embedded)
        if arguments.smoke:
            with _timed("tests"):
                run_tests(scripts, work)
        else:
            with _timed("small device"):
                check_small_device(folder / "small", wheel, work)
        if arguments.dist:
            shutil.rmtree(arguments.dist, ignore_errors=True)
            shutil.copytree(folder / "dist", arguments.dist)
    return 0


# === The distribution ===


def build(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Builds the sdist and, out of it, the wheel.

    Returns:
        Paths of the wheel and of the sdist.
    """
    run([sys.executable, "-m", "build", "--outdir", folder, ROOT])
    run([sys.executable, "-m", "twine", "check", "--strict", *folder.iterdir()])
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return wheel, sdist


def check_contents(wheel: pathlib.Path, sdist: pathlib.Path) -> None:
    """Checks that the archives hold the package, its data and no more."""
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", PACKAGE],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    # The documentation of the parts is read in the repository.
    expected = {
        name
        for name in tracked
        if not name.endswith(".md") or name == f"{PACKAGE}/{EMBEDDED}.md"
    }
    with zipfile.ZipFile(wheel) as archive:
        files = {file.filename: file for file in archive.infolist()}
    found = {name for name in files if ".dist-info/" not in name}
    _expect(
        found == expected,
        f"The wheel lacks {sorted(expected - found)} and holds, besides, "
        f"{sorted(found - expected)}",
    )
    size = files[f"{PACKAGE}/{EMBEDDED}.weights.h5"].file_size
    _expect(size <= 4_000_000, f"The embedded weights have {size:,} bytes")

    with tarfile.open(sdist) as archive:
        names = {
            member.name.partition("/")[2]
            for member in archive
            if member.isfile()
        }
    _expect(expected <= names, f"The sdist lacks {sorted(expected - names)}")
    for name in ("tools/", "tests/", ".ci/", "notebooks/"):
        others = sorted(n for n in names if n.startswith(name))
        _expect(not others, f"The sdist holds {others[:3]}")


# === Environments ===


def install(
    venv: pathlib.Path,
    requirements: Iterable[str],
    constraints: pathlib.Path | None,
    *options: str,
) -> pathlib.Path:
    """Makes a virtual environment.

    Returns:
        Its folder of programs.
    """
    run([sys.executable, "-m", "venv", venv])
    scripts = venv / "bin"
    if constraints:
        options += ("--constraint", str(constraints.resolve()))
    # What is imported gets compiled anyway; most of TensorFlow never is.
    command = ("-m", "pip", "install", "--quiet", "--no-compile")
    run([scripts / "python", *command, *options, *requirements])
    return scripts


def find_data(
    scripts: pathlib.Path, work: pathlib.Path
) -> tuple[pathlib.Path, pathlib.Path]:
    """Lays photos out in folders, and checks where the package is.

    Returns:
        The folder of photos, and the embedded weights as installed.
    """
    code = (
        "import importlib.util as u; "
        f"print(*(u.find_spec(n).origin for n in ('{PACKAGE}', 'skimage')))"
    )
    output = run([scripts / "python", "-c", code], work)
    package, skimage = (pathlib.Path(p).parent for p in output.split())
    _expect(
        package.is_relative_to(scripts.parent),
        f"The package is imported from {package}",
    )
    photos = work / "photos"
    for folder, names in (("cat", (CAT,)), ("others", OTHERS)):
        (photos / folder).mkdir(parents=True)
        for name in names:
            shutil.copy(skimage / "data" / name, photos / folder)
    return photos, package / f"{EMBEDDED}.weights.h5"


# === Commands ===


def export(
    scripts: pathlib.Path, work: pathlib.Path, photos: pathlib.Path
) -> None:
    """Exports the embedded model, and lets its files find a cat."""
    command = [scripts / "keras-mobilevit"]
    model = ["--model", "mobilevit_xxs", "--weights", "cifar10"]
    for recipe, options in (
        ("float32", []),
        ("int8", ["--calibration", photos / "others"]),
    ):
        output = ["--recipe", recipe, "-o", f"{recipe}.tflite"]
        run([*command, "export", *model, *options, *output], work)
    for name in ("float32.tflite", "int8.tflite", "weights:cifar10"):
        predict(scripts, work, photos / "cat" / CAT, name)
    labelled = work / "labelled"
    (labelled / "cat").mkdir(parents=True)
    shutil.copy(photos / "cat" / CAT, labelled / "cat")
    output = run(
        [
            *(*command, "evaluate", labelled, "--json", "evaluation.json"),
            *("--model", "weights:cifar10", "float32.tflite", "int8.tflite"),
        ],
        work,
    )
    rows = output.count("| 100.00 [")
    _expect(rows == 3, f"`evaluate` says\n{output}")


def predict(
    scripts: pathlib.Path,
    work: pathlib.Path,
    photo: pathlib.Path,
    model: str | os.PathLike,
) -> None:
    """Checks that a model calls the photo of a cat one."""
    command = [scripts / "keras-mobilevit", "predict", photo]
    lines = run([*command, "--model", model, "--top", 1], work).splitlines()
    _expect(lines[-1].split()[-1] == "cat", f"{model} sees on {photo}: {lines}")


def run_all(
    scripts: pathlib.Path,
    work: pathlib.Path,
    photos: pathlib.Path,
    embedded: pathlib.Path,
) -> None:
    """Runs the other commands, and the help of all.

    `compress` takes a minute for its smallest model, and 300 MB of packages:
    its tests are in tests/.
    """
    command = [scripts / "keras-mobilevit"]
    for name in COMMANDS:
        output = run([*command, name, "--help"], work)
        _expect(
            output.startswith(f"usage: keras-mobilevit {name} "),
            f"`{name} --help` prints\n{output}",
        )
    run([*command, "inspect", "int8.tflite", "float32.tflite"], work)
    files = ["float32.tflite", "int8.tflite"]
    run([*command, "benchmark", *files, "--runs", 20], work)
    options = ["--float", "float32.tflite", "--images", photos, "--runs", 5]
    run(
        [*command, "report", "int8.tflite", *options, "-o", "report.html"],
        work,
    )
    for name in ("xxs.safetensors", "xxs.keras"):
        run([*command, "convert", embedded, name], work)
    # Its size and names are not in the weights, so any class will do.
    model = ("--model", "xxs.keras")
    output = run([*command, "predict", photos / "cat" / CAT, *model], work)
    _expect("%" in output, f"xxs.keras sees\n{output}")
    run([*command, "pack", photos, "--out", "shards"], work)
    run(
        [
            *(*command, "train", "--recipe", "finetune", "--out", "run"),
            *("--train", "shards", "--test", photos, "--weights", embedded),
            *("--variant", "mobilevit_xxs", "--no-jit"),
            *("--set", "schedule.epochs=1", "--set", "schedule.warmup_steps=1"),
            # One size of images: each costs a trace of the graph.
            *("--set", "sampler.mode=standard", "--set", "sampler.size=64"),
            *("--set", "sampler.batch_size=2", "--set", "evaluation.size=64"),
        ],
        work,
    )
    search(scripts, work)
    for name in ("report.html", "run/model.weights.h5"):
        _expect((work / name).is_file(), f"There is no {name}")


def search(scripts: pathlib.Path, work: pathlib.Path) -> None:
    """Searches for a recipe of a network that is quantized in a second."""
    (work / "textures").mkdir()
    run([scripts / "python", "-c", SMALL_NETWORK], work)
    run(
        [
            *(scripts / "keras-mobilevit", "search", "--keras", "small.keras"),
            *("--calibration", "textures", "--calibration-images", 16),
            *("--target-sqnr", 45, "--save-recipe", "found.json"),
            *("-o", "small.tflite"),
        ],
        work,
    )
    found = json.loads((work / "found.json").read_text())
    # A layer that it moved to float is named from its beginning.
    moved = [scope for scope in found["skip_layers"] if scope[0] == "^"]
    _expect(moved, f"`search` kept all layers in int8: {found}")


def check_small_device(
    venv: pathlib.Path, wheel: pathlib.Path, work: pathlib.Path
) -> None:
    """Runs a file where there is neither Keras nor TensorFlow."""
    scripts = install(venv, SMALL_RUNTIME, None)
    pip = [scripts / "python", "-m", "pip", "install", "--quiet"]
    run([*pip, "--no-deps", wheel])
    predict(scripts, work, work / "photos" / "cat" / CAT, "int8.tflite")
    command = [scripts / "keras-mobilevit"]
    run([*command, "inspect", "int8.tflite"], work)
    run([*command, "benchmark", "int8.tflite", "--runs", 20], work)


def run_tests(scripts: pathlib.Path, work: pathlib.Path) -> None:
    """Runs tests of the checkout against the installed package."""
    paths = [ROOT / path for path in TESTS]
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=-m 'not slow'"]
    # Old versions warn of each other; that is no fault of the package.
    options += ["-o", "filterwarnings=default"]
    run([scripts / "pytest", "--rootdir", ROOT, *options, *paths], work)


# === Processes ===


def run(command: Sequence[object], folder: pathlib.Path | None = None) -> str:
    """Runs a command, in an environment without ours.

    Returns:
        What it printed.

    Raises:
        SystemExit: If it fails, with what it printed; or if a command of the
            package lets more than warnings through to standard error.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name not in HIDDEN
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**environment, **ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(
            f"{' '.join(map(str, command))}\nfailed with "
            f"{done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
    if pathlib.Path(command[0]).name == "keras-mobilevit":
        others = [
            line
            for line in done.stderr.splitlines()
            if not line.startswith("warning: ")
        ]
        _expect(not others, f"{' '.join(map(str, command))} says {others}")
    return done.stdout


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise SystemExit(message)


@contextlib.contextmanager
def _timed(name: str) -> Iterator[None]:
    begun, used = time.monotonic(), _processor_time()
    yield
    print(
        f"{name}: {time.monotonic() - begun:.0f} s "
        f"({_processor_time() - used:.0f} s of processors)",
        flush=True,
    )


def _processor_time():
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    sys.exit(main())
