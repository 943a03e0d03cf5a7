"""The constraints files hold the ends of what pyproject.toml allows."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# Of development alone, or compared with where installed: any version will do.
UNPINNED = {
    *("build", "jsonschema", "pytest", "pytest-xdist", "ruff", "twine"),
    *("timm", "torch", "transformers"),
    # For Python 3.10 alone.
    "tomli",
}


@pytest.fixture(scope="module")
def allowed():
    """Name -> requirements that pyproject.toml has of it."""
    requirements = pytest.importorskip("packaging.requirements")
    toml = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    tomllib = pytest.importorskip(toml)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [
        settings["dependencies"],
        *settings["optional-dependencies"].values(),
    ]
    allowed = {}
    for text in (text for texts in lists for text in texts):
        requirement = requirements.Requirement(text)
        if requirement.name not in {settings["name"], *UNPINNED}:
            allowed.setdefault(requirement.name, []).append(
                requirement.specifier
            )
    return allowed


def read_pins(name):
    requirements = pytest.importorskip("packaging.requirements")
    pins = {}
    path = ROOT / ".ci" / f"constraints-{name}.txt"
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            requirement = requirements.Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator == "=="
            assert requirement.name not in pins
            pins[requirement.name] = pin.version
    assert list(pins) == sorted(pins)
    return pins


def test_the_oldest_are_the_lower_bounds(allowed):
    version = pytest.importorskip("packaging.version").Version
    pins = read_pins("oldest")
    assert pins.keys() == allowed.keys()
    for name, specifiers in allowed.items():
        for specifier in specifiers:
            bounds = {part.operator: part.version for part in specifier}
            assert bounds.keys() == {">=", "<"}, name
            assert version(bounds[">="]) == version(pins[name]), name


def test_the_newest_are_allowed(allowed):
    pins = read_pins("newest")
    assert pins.keys() == allowed.keys()
    for name, specifiers in allowed.items():
        assert all(pins[name] in specifier for specifier in specifiers), name


def test_every_dependency_has_one_range(allowed):
    for name, specifiers in allowed.items():
        assert len(set(specifiers)) == 1, name
