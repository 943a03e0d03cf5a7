"""The lab's scripts as programs of their own, from any folder."""

import ast
import pathlib
import subprocess
import sys

import pytest

LAB = pathlib.Path(__file__).parents[2] / "tools" / "lab"
SCRIPTS = sorted(
    path.name for path in LAB.glob("*.py") if path.read_text()[:2] == "#!"
)


def test_the_readme_names_every_script():
    text = (LAB / "README.md").read_text()
    assert len(SCRIPTS) == 11
    for name in SCRIPTS:
        assert f"python tools/lab/{name} " in text


@pytest.mark.parametrize("path", sorted(LAB.rglob("*.py")), ids=str)
def test_modules_have_docstrings(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_help(name, tmp_path):
    """They find their neighbours without the settings of pytest."""
    done = subprocess.run(
        [sys.executable, LAB / name, "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"usage: {name} ")
    assert f"python tools/lab/{name} " in done.stdout
