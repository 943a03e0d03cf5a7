"""Generated data sets are what they are called, and their figures are told."""

import json
import tarfile

import benchmark_sources
from keras_mobilevit.training.sources import open_source
from source_benchmarks.generated_images import KINDS, generate, names
from source_benchmarks.openings import to_table


def test_names_are_spread_over_all_classes():
    assert list(names(5, 2)) == [
        "n00000000/n00000000_0.JPEG",
        "n00000000/n00000000_1.JPEG",
        "n00000000/n00000000_2.JPEG",
        "n00000001/n00000001_3.JPEG",
        "n00000001/n00000001_4.JPEG",
    ]


def test_all_kinds_hold_the_same_images(tmp_path):
    sources = [
        open_source(generate(kind, tmp_path, 40, 4)) for kind in sorted(KINDS)
    ]
    for source in sources:
        assert list(source.names) == sorted(names(40, 4))
        assert source.labels.tolist() == [i // 10 for i in range(40)]
        assert source.open(39).size == (8, 8)
    # As tools for tars read them.
    for path in (tmp_path / "tars-40-4").iterdir():
        with tarfile.open(path) as tar:
            assert len(tar.getmembers()) == 4
    # What is there is not made again.
    before = (tmp_path / "folder-40-4").stat().st_mtime_ns
    path = generate("folder", tmp_path, 40, 4)
    assert path.stat().st_mtime_ns == before


def test_the_table():
    facts = {
        "images": 1_300_000,
        "classes": 1000,
        "open_seconds": 2.0,
        "open_cpu_seconds": 1.5,
        "read_seconds": 0.5,
        "open_peak_mb": 300.0,
        "open_mb": 200.0,
        "read_mb": 201.0,
    }
    others = {**facts, "open_seconds": 4.0, "open_peak_mb": 310.0}
    unknown = {**facts, "read_mb": None}
    table = to_table(
        {"shards": [facts, others, facts], "folder": [unknown]}, reads=1000
    )
    _, _, shards, folder = table.splitlines()
    cells = [cell.strip() for cell in shards.split("|")[1:-1]]
    assert cells[:4] == ["shards", "1,300,000", "2.0", "1.5"]
    assert cells[4:] == ["310", "2,000", "200", "201"]
    assert folder.rstrip(" |").endswith("unknown")


def test_the_command(tmp_path, capsys):
    options = ["--images", "30", "--classes", "3", "--rounds", "1"]
    kinds = ["--kinds", "shards", "--reads", "50"]
    file = tmp_path / "a.json"
    argv = ["--out", str(tmp_path / "out"), *options, *kinds]
    assert benchmark_sources.main([*argv, "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "| shards   | 30 " in printed and "cores" in printed
    (facts,) = json.loads(file.read_text())["results"]["shards"]
    assert facts["images"] == 30 and facts["classes"] == 3
    assert facts["open_seconds"] > 0 and facts["open_cpu_seconds"] > 0
    assert facts["read_seconds"] > 0
    # NumPy and Pillow are in it, and no other library.
    assert 10 < facts["imported_mb"] <= facts["open_peak_mb"] < 200


def test_a_data_set_that_can_not_be_opened(tmp_path, capsys):
    argv = ["--out", str(tmp_path), "--images", "3", "--classes", "1"]
    assert benchmark_sources.main([*argv, "--kinds", "folder"]) == 1
    error = capsys.readouterr().err
    assert "could not be opened" in error and "two classes" in error
