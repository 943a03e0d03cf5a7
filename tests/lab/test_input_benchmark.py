"""The input against numbers of workers, and the report."""

import json

import numpy as np
import pytest
from PIL import Image

import benchmark_input
from keras_mobilevit.training.loader import BatchLoader
from training_benchmarks.figures import to_json
from training_benchmarks.input_comparison import InputComparison, InputRates
from training_benchmarks.input_pictures import write_photos
from training_benchmarks.input_tables import to_footnote, to_table

MACHINE = {
    "cpu": "Testor 1",
    "cores": 2,
    "load_average": 0.5,
    "system": "TestOS",
    "python": "3.0",
    "versions": {"keras-mobilevit": "9.9"},
}
COMPARISON = InputComparison(
    "photos",
    "imagenet",
    256,
    64,
    16,
    (
        InputRates(0, np.array([0.1, 0.2, 0.3]), np.array([90.0, 100, 1200])),
        InputRates(2, np.array([3.0, 1.0, 2.0]), np.array([170.0, 150, 160])),
    ),
)


def test_the_report():
    lines = to_table(COMPARISON).splitlines()
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in lines[2:]]
    assert cells == [
        ["0 (threads)", "100 (90 - 1,200)", "1.00", "0.2"],
        ["2", "160 (150 - 170)", "1.60", "2.0"],
    ]
    assert to_footnote(COMPARISON, MACHINE) == (
        "Augmentation of imagenet, 256 pixels, 64 images a batch; 16 batches "
        "in each of 3 interleaved rounds, nothing else runs.\n"
        "Testor 1, 2 cores, load 0.50, TestOS, Python 3.0, keras-mobilevit 9.9"
    )
    tree = json.loads(json.dumps(to_json([COMPARISON], MACHINE)))
    assert tree["machine"]["cpu"] == "Testor 1"
    results = tree["comparisons"][0]["results"]
    assert [result["workers"] for result in results] == [0, 2]
    assert results[1]["rates"] == [170.0, 150.0, 160.0]


@pytest.mark.parametrize(
    ("cores", "workers"),
    [(1, [0, 1]), (2, [0, 1, 2]), (6, [0, 1, 2, 4, 6]), (8, [0, 1, 2, 4, 8])],
)
def test_numbers_of_workers(cores, workers):
    assert benchmark_input.worker_counts(cores) == workers


def test_photos(tmp_path):
    folder = write_photos(tmp_path / "photos", 3)
    paths = sorted(folder.rglob("*.jpg"))
    assert [path.parent.name for path in paths] == ["0", "1", "2"]
    for path in paths:
        with Image.open(path) as image:
            assert image.size == (500, 375)
        # The mean of ImageNet's training images is 110 kB.
        assert 100_000 < path.stat().st_size < 120_000


def test_each_round_takes_each_number_once(tmp_path, monkeypatch, capsys):
    """Without their processes: the loader of this test has none."""
    seen = []

    def batches(self, plan, *, epoch):
        seen.append((self.workers, len(plan)))
        for batch in plan:
            assert batch.indices.shape == (1, 3)
            assert batch.indices.max() < 30
            yield None

    monkeypatch.setattr(BatchLoader, "batches", batches)
    path = tmp_path / "input.json"
    arguments = (
        "--pictures arrays --workers 0 2 --count 30 --batch-size 3 --batches 4 "
        f"--rounds 3 --json {path}"
    )
    assert benchmark_input.main(arguments.split()) == 0
    # Beside those that count: as many as are made ahead, before and behind.
    assert sorted(seen) == [(0, 4 + 2 * 7)] * 3 + [(2, 4 + 2 * 11)] * 3
    for start in (0, 2, 4):
        assert {workers for workers, _ in seen[start : start + 2]} == {0, 2}
    (comparison,) = json.loads(path.read_text())["comparisons"]
    assert comparison["recipe"] == "cifar10"
    assert all(len(r["rates"]) == 3 for r in comparison["results"])
    assert "| 0 (threads) |" in capsys.readouterr().out


def test_what_is_wrong_is_told(capsys):
    assert benchmark_input.main(["--count", "1", "--workers", "-1"]) == 1
    assert "error: " in capsys.readouterr().err
