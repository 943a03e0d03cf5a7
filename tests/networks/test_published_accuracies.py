"""Accuracies that are quoted: of the published weights, or of the paper."""

import inspect
import pathlib
import re

import pytest
from published_facts import MAP, MAP_OF_THE_PAPER, TOP1, TOP1_OF_THE_PAPER

from keras_mobilevit import mobilevit
from keras_mobilevit.configs import VARIANTS
from keras_mobilevit.detection import ssdlite

ROOT = pathlib.Path(__file__).parents[2]
# Of a class's name -> of the table in `published_facts`.
KEYS = {size.upper(): f"mobilevit_{size}" for size in ("xxs", "xs", "s")}


def rows(text, model):
    """Variant -> the last cell of its row, in percent, in a table."""
    pattern = rf"^\s*\| `?{model}(XXS|XS|S)`? .*\| +([\d.]+) % +\|$"
    found = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 3
    return {KEYS[name]: float(figure) for name, figure in found}


def words(text):
    return " ".join(text.split())


def test_configs_have_those_of_the_weights():
    assert {name: config.top1 for name, config in VARIANTS.items()} == TOP1


@pytest.mark.parametrize("constructor", mobilevit.CONSTRUCTORS.values())
def test_constructors_say_whose_they_are(constructor):
    text = inspect.getdoc(constructor)
    assert rows(text, "MobileViT") == TOP1
    xs, s = TOP1_OF_THE_PAPER.values()
    assert f"the paper has {xs} % for XS and {s} % for S" in words(text)


@pytest.mark.parametrize("constructor", ssdlite.CONSTRUCTORS.values())
def test_detectors_say_whose_they_are(constructor):
    text = inspect.getdoc(constructor)
    assert rows(text, "MobileViTSSDLite") == MAP
    xs, s = MAP_OF_THE_PAPER.values()
    assert f"paper has {xs} % for XS and {s} % for S" in words(text)


def test_readme_says_whose_they_are():
    text = (ROOT / "README.md").read_text()
    assert rows(text, "MobileViT") == TOP1
    xs, s = TOP1_OF_THE_PAPER.values()
    assert f"the paper reports {xs} % for XS and {s} % for S" in words(text)
