"""Training steps by their input, and the report."""

import json

import numpy as np
import pytest

import benchmark_resident
from keras_mobilevit.training.recipe import load_recipe
from training_benchmarks import resident_steps
from training_benchmarks.resident_steps import (
    INPUTS,
    InputTimes,
    make_pictures,
    time_inputs,
    to_table,
)

RESULTS = [
    InputTimes(
        "synthetic",
        np.array([100.0, 200.0, 400.0]),
        np.array([0.01, 0.02, 0.09]),
    ),
    InputTimes(
        "resident",
        np.array([95.0, 180.0, 400.0]),
        np.array([0.03, 0.01, 0.02125]),
    ),
]


def test_shares_are_those_of_a_round():
    """0.95, 0.9 and 1; the percentiles lie a tenth of a gap inside."""
    lines = to_table(RESULTS).splitlines()
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in lines[2:]]
    assert cells == [
        [
            "synthetic",
            "200.0 (110.0 - 380.0)",
            "100.0 (100.0 - 100.0)",
            "20.00",
        ],
        ["resident", "180.0 (103.5 - 378.0)", "95.0 (90.5 - 99.5)", "21.25"],
    ]


def test_the_script(tmp_path, monkeypatch, capsys):
    asked = {}

    def fake(recipe, **options):
        asked.update(options, recipe=recipe)
        return RESULTS

    monkeypatch.setattr(resident_steps, "time_inputs", fake)
    path = tmp_path / "a.json"
    argv = ["--recipe", "finetune", "--size", "64", "--json", str(path)]
    assert benchmark_resident.main(argv) == 0
    assert asked["recipe"].name == "finetune" and not asked["recipe"].weights
    assert (asked["size"], asked["picture"]) == (64, (32, 32))
    assert "| resident " in capsys.readouterr().out
    tree = json.loads(path.read_text())
    assert tree["rates"]["resident"] == [95.0, 180.0, 400.0]


def test_recipes_without_resident_images_are_refused(capsys):
    assert benchmark_resident.main(["--recipe", "camvid"]) == 1
    assert "`input.resident` must be False" in capsys.readouterr().err


def test_pictures():
    pictures, labels = make_pictures(20, (7, 9))
    assert pictures.shape == (20, 7, 9, 3) and pictures.dtype == np.uint8
    assert np.bincount(labels).tolist() == [2] * 10


@pytest.mark.slow
def test_all_kinds_are_timed():
    results = time_inputs(
        load_recipe("cifar10"),
        size=32,
        batch_size=4,
        picture=(32, 32),
        images=20,
        steps=2,
        rounds=2,
        jit_compile=False,
    )
    assert tuple(result.name for result in results) == INPUTS
    assert all(r.rates.shape == (2,) and (r.rates > 0).all() for r in results)
