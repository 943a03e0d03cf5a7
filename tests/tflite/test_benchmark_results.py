"""The format of results: read with distrust, summarized, drawn."""

import copy
import hashlib
import json
import warnings
import xml.etree.ElementTree

import jsonschema
import numpy as np
import pytest
from phone_results import make_document, make_result

from keras_mobilevit.tflite.benchmarks.latency_plot import latency_plot
from keras_mobilevit.tflite.benchmarks.result_summaries import (
    machine_name,
    summarize_results,
)
from keras_mobilevit.tflite.benchmarks.result_tables import (
    describe_measured_machine,
    to_result_footnote,
    to_result_table,
)
from keras_mobilevit.tflite.benchmarks.results import (
    MAX_BYTES,
    SCHEMA_FILE,
    load_schema,
    parse_results,
    read_results,
)
from keras_mobilevit.tflite.report.other_machines import (
    read_other_machines,
    side_by_side,
)

HOST = {
    **{"kind": "host", "cpu": "Some(R) CPU(TM)  @ 3 GHz", "cpu_flags": []},
    **{"cores": 2, "load_average": None, "system": "Linux x86_64"},
    **{"python": "3.11.0", "versions": {"ai-edge-litert": "2.3.0"}},
}


# === The schema ===


def test_the_schema_is_one():
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    for name, part in schema["$defs"].items():
        assert "properties" not in part or (
            "description" in part or name == "misc_metrics"
        )


def change(path, value):
    """A document with another value somewhere; `...` removes it."""
    document = copy.deepcopy(make_document())
    *parents, last = path
    target = document
    for name in parents:
        target = target[name]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return document


RESULT = ("results", 0)
VALID = [
    (("machine",), HOST),
    (("machine", "soc"), None),
    (("machine", "soc"), ...),
    (("machine", "something"), {"new": 1}),
    ((*RESULT, "num_threads"), None),
    ((*RESULT, "samples_ms"), ...),
    ((*RESULT, "thermal"), None),
    ((*RESULT, "thermal", "headroom_before"), None),
    ((*RESULT, "self_test"), None),
    ((*RESULT, "memory_metrics"), {}),
    ((*RESULT, "delegated"), None),
]
INVALID = [
    (("machine", "model"), ...),
    (("machine", "model"), "a\nb"),
    (("machine", "model"), "a\n"),
    (("machine", "model"), "a\u0000"),
    (("machine", "model"), "\ud800"),
    (("machine", "model"), "x" * 1001),
    (("machine", "kind"), "tablet"),
    (("machine", "kind"), "host"),
    (("machine", "versions"), {"app": 1}),
    (("machine", "max_frequencies_khz"), [1.5]),
    (("results",), []),
    (("results",), {}),
    ((*RESULT, "sha256"), "0" * 63),
    ((*RESULT, "sha256"), "0" * 64 + "\n"),
    ((*RESULT, "sha256"), "A" * 64),
    ((*RESULT, "sha256"), ...),
    ((*RESULT, "num_threads"), 0),
    ((*RESULT, "num_threads"), True),
    ((*RESULT, "accelerator"), "npu"),
    ((*RESULT, "process"), "daemon"),
    ((*RESULT, "samples_ms"), [1, -1]),
    ((*RESULT, "samples_ms"), [None]),
    ((*RESULT, "latency_metrics", "median_ms"), ...),
    ((*RESULT, "latency_metrics", "p5_ms"), "1"),
    ((*RESULT, "misc_metrics", "num_runs"), 1.5),
    ((*RESULT, "self_test", "verdict"), "perfect"),
    ((*RESULT, "self_test", "outputs", "probabilities"), 1),
    ((*RESULT, "thermal", "status_before"), 7),
    ((*RESULT, "warnings"), "none"),
    ((*RESULT, "build"), "profile"),
]


def is_valid(document):
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    return jsonschema.Draft202012Validator(schema).is_valid(document)


@pytest.mark.parametrize(("path", "value"), VALID, ids=lambda x: str(x)[:40])
def test_what_the_schema_allows_is_read(path, value):
    document = change(path, value)
    assert is_valid(document)
    read = parse_results(json.dumps(document).encode(), "x")
    # None of these breaks what comes after.
    assert to_result_table(summarize_results(read))
    assert describe_measured_machine(read["machine"])


@pytest.mark.parametrize(("path", "value"), INVALID, ids=lambda x: str(x)[:40])
def test_what_the_schema_forbids_is_refused(path, value):
    document = change(path, value)
    assert not is_valid(document)
    with pytest.raises(ValueError, match="^x is no result of a benchmark"):
        parse_results(json.dumps(document).encode(), "x")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no result of a benchmark: Expecting value"),
        (b"\xff\xfe{", "no result of a benchmark"),
        (b"[]", "the document: [] is not of type 'object'"),
        (b'{"schema_version": 2}', "schema_version 1. Received: 2. Update"),
        (b"{}", "schema_version 1. Received: None"),
        (b"[" * 10**5, "nested too deeply"),
        (b'{"schema_version": NaN}', "NaN is not JSON"),
    ],
)
def test_files_that_are_none(tmp_path, data, told):
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        read_results(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_and_large_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file of results"):
        read_results(tmp_path / "a.json")
    with open(tmp_path / "b.json", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ValueError, match="expected at most 67,108,864 bytes"):
        read_results(tmp_path / "b.json")


def test_the_schema_is_in_the_package():
    assert load_schema()["title"] == "Benchmark results"


# === Summaries ===


def test_repeats_are_joined_over_their_samples():
    samples = ([1.0, 2.0, 9.0], [4.0, 5.0])
    hot = {"headroom_before": 0.4, "headroom_after": 1.1, "status_after": 2}
    failed = {
        **{"verdict": "different", "expected": "within", "passed": False},
        "outputs": {"a": {"verdict": "different", "sqnr_db": 3.25}},
    }
    results = [
        make_result(samples=samples[0], warnings=["Warm.", "Twice."]),
        make_result(
            samples=samples[1],
            repeat=1,
            thermal={**hot, "waited_s": 30},
            self_test=failed,
            delegated=300,
            warnings=["Twice."],
        ),
    ]
    (summary,) = summarize_results(make_document(results))
    # Of 1, 2, 4, 5, 9: positions 0.2, 2 and 3.8 from 0, between neighbours.
    np.testing.assert_allclose(
        (summary.p5_ms, summary.median_ms, summary.p95_ms), (1.2, 4, 8.2)
    )
    assert (summary.repeats, summary.runs) == (2, 5)
    assert (summary.verdict, summary.passed) == ("different", False)
    assert summary.sqnr_db == 3.25
    assert summary.delegated == 300
    assert summary.headroom == (0.4, 1.1)
    assert summary.throttled and summary.waited_s == 30
    assert summary.warnings == ("Warm.", "Twice.")
    row = to_result_table([summary]).splitlines()[2]
    for cell in (
        "different, 3.2 dB (FAILED)",
        "0.40 to 1.10, throttled, waited 30 s",
        "300/599 in 1",
    ):
        assert f"| {cell} " in row


def test_without_samples_the_range_is_the_widest():
    results = [
        make_result(samples=s, samples_ms=[], repeat=i)
        for i, s in enumerate(([1.0, 1.0], [2.0, 2.0], [9.0, 9.0]))
    ]
    del results[0]["samples_ms"]
    (summary,) = summarize_results(make_document(results))
    assert (summary.p5_ms, summary.median_ms, summary.p95_ms) == (1, 2, 9)


def test_configurations_stay_apart():
    results = [
        make_result(),
        make_result(b"other", file="b.tflite"),
        make_result(num_threads=1),
        make_result(accelerator="gpu"),
        make_result(tool="benchmark_model", process="shell"),
        make_result(repeat=1),
    ]
    summaries = summarize_results(make_document(results))
    assert [s.repeats for s in summaries] == [2, 1, 1, 1, 1]
    assert [s.options for s in summaries[:4]] == [
        *("cpu, 4 threads", "cpu, 4 threads", "cpu, 1 thread"),
        "gpu, 4 threads",
    ]


def test_speed_up_is_over_the_first_file_with_the_same_options():
    results = [
        make_result(b"a", [8.0], file="a"),
        make_result(b"b", [2.0], file="b"),
        make_result(b"a", [6.0], file="a", num_threads=1),
        make_result(b"b", [4.0], file="b", num_threads=1),
    ]
    table = to_result_table(summarize_results(make_document(results)))
    cells = [row.split("|")[5].strip() for row in table.splitlines()[2:]]
    assert cells == ["1.00", "4.00", "1.00", "1.50"]


def speedups(results, *base):
    table = to_result_table(summarize_results(make_document(results)), *base)
    return [row.split("|")[5].strip() for row in table.splitlines()[2:]]


def test_speed_up_is_unknown_where_the_first_file_failed():
    results = [
        make_result(b"a", [8.0], file="a"),
        make_result(b"b", [2.0], file="b"),
        # With these options, and in the shell, there is no first file.
        make_result(b"b", [4.0], file="b", accelerator="gpu"),
        make_result(b"c", [1.0], file="c", accelerator="gpu"),
        make_result(b"b", [3.0], file="b", process="shell"),
    ]
    assert speedups(results) == ["1.00", "4.00", *["unknown"] * 3]
    # It failed everywhere.
    base = hashlib.sha256(b"a").hexdigest()
    assert speedups(results[1:3], base) == ["unknown"] * 2


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        (HOST, "Some CPU @ 3 GHz"),
        ({**HOST, "cpu": ""}, "Linux x86_64"),
        ({"kind": "phone", "manufacturer": "A", "model": "B 1"}, "A B 1"),
        (
            {"kind": "phone", "manufacturer": "samsung", "model": "Samsung S"},
            "Samsung S",
        ),
        ({"kind": "phone", "manufacturer": "unknown", "model": "X"}, "X"),
        (
            {"kind": "phone", "manufacturer": None, "model": None},
            "unknown phone",
        ),
    ],
)
def test_names_of_machines(machine, name):
    assert machine_name(machine) == name


def test_notes_say_what_they_are_about():
    results = [
        make_result(warnings=["All.", "One."]),
        make_result(b"b", file="b.tflite", warnings=["All."]),
    ]
    document = make_document(results)
    footnote = to_result_footnote(
        summarize_results(document), document["machine"]
    )
    assert "note: All.\n" in footnote
    assert footnote.endswith("note: int8.tflite (cpu, 4 threads): One.")


# === Several machines ===


def write(folder, name, document):
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def test_machines_of_one_name_are_told_apart(tmp_path):
    (tmp_path / "int8.tflite").write_bytes(b"model")
    (tmp_path / "float.tflite").write_bytes(b"float")
    results = [make_result(), make_result(b"float", [5.0], num_threads=1)]
    paths = [
        write(tmp_path, name, make_document(results)) for name in ("a", "b")
    ]
    files = {
        "float": tmp_path / "float.tflite",
        "quantized": tmp_path / "int8.tflite",
    }
    machines = read_other_machines(paths, files)
    names = ["Google Pixel 9", "Google Pixel 9 (2)"]
    assert [machine.name for machine in machines] == names
    summaries = [s for machine in machines for s in machine.summaries]
    section = side_by_side(summaries)
    assert list(section.header[2:]) == names
    assert section.rows == [
        ("float", "cpu, 1 thread", *["5.00 (5.00 - 5.00)"] * 2),
        ("quantized", "cpu, 4 threads", *["2.00 (1.10 - 2.90)"] * 2),
    ]
    assert read_other_machines([], files) == []


def test_results_of_this_machine_and_of_two_tools(tmp_path):
    """They do not merge with what the report measures itself."""
    (tmp_path / "a.tflite").write_bytes(b"model")
    results = [
        make_result(),
        make_result(samples=[5.0], tool="benchmark_model", process="shell"),
    ]
    path = write(tmp_path, "a", {**make_document(results), "machine": HOST})
    here = machine_name(HOST)
    (machine,) = read_other_machines([path], {"a": tmp_path / "a.tflite"}, here)
    assert machine.name == f"{here} (2)"
    (row,) = side_by_side(machine.summaries).rows
    assert row[2] == (
        "app: 2.00 (1.10 - 2.90); benchmark_model: 5.00 (5.00 - 5.00)"
    )


def test_the_plot_is_svg_of_all_machines():
    pytest.importorskip("matplotlib")
    hostile = "<i>$\\x|--><script>"
    summaries = [
        *summarize_results(make_document()),
        *summarize_results(make_document(manufacturer=hostile)),
        *summarize_results({**make_document(), "machine": HOST}),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = latency_plot(summaries)
    root = xml.etree.ElementTree.fromstring(svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert root.tag.endswith("svg") and "script" not in tags
    # A colour a machine, and the text in that of the page.
    for colour in ("#2a7fd4", "#e0702b", "#2a9d6f", "currentColor"):
        assert colour in svg
    assert latency_plot(summaries) == svg
