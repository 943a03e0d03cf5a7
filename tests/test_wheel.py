"""The built wheel: what is in it, and that it works away from the checkout."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

import keras_mobilevit

ROOT = pathlib.Path(keras_mobilevit.__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if importlib.util.find_spec("build") is None:
        pytest.skip("the package `build` is not installed")
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("not a source checkout")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "-o", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return path


def test_holds_the_package_its_data_and_recipes_only(wheel):
    names = [
        name
        for name in zipfile.ZipFile(wheel).namelist()
        if ".dist-info/" not in name
    ]
    others = [name for name in names if not name.endswith(".py")]
    assert all(name.startswith("keras_mobilevit/") for name in names)
    embedded = "keras_mobilevit/checkpoints/embedded/mobilevit_xxs_cifar10"
    assert sorted(others) == [
        f"{embedded}.md",
        f"{embedded}.weights.h5",
        "keras_mobilevit/imagenet_classes.txt",
        "keras_mobilevit/py.typed",
        *(
            f"keras_mobilevit/training/recipes/{name}.toml"
            for name in (
                *("camvid", "cifar10", "coco_overfit", "detection"),
                *("finetune", "flowers", "imagenet", "segmentation"),
            )
        ),
    ]


def test_brings_the_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (
            name
            for name in archive.namelist()
            if name.endswith(".dist-info/entry_points.txt")
        )
        text = archive.read(name).decode()
    assert "keras-mobilevit = keras_mobilevit.cli.main:main" in text


def test_checkpoint_is_small(wheel):
    (info,) = (
        info
        for info in zipfile.ZipFile(wheel).infolist()
        if info.filename.endswith(".h5")
    )
    assert info.file_size <= 4_000_000


def test_loads_the_checkpoint_from_the_wheel(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import keras_mobilevit as k; "
        "k.MobileViTXXS(weights='cifar10'); print(k.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().startswith(str(tmp_path / "site"))
