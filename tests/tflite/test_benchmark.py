"""Timing files side by side, their start and memory, and the report."""

import hashlib
import json
import pathlib
import types

import jsonschema
import numpy as np
import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    json_format,
    message_factory,
)

from keras_mobilevit.machine import _cpu, describe_machine
from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite import benchmark
from keras_mobilevit.tflite.benchmarks import benchmark as benchmarking
from keras_mobilevit.tflite.benchmarks import fresh_start, latency
from keras_mobilevit.tflite.benchmarks.fresh_start import (
    FreshStart,
    feed_noise,
    measure_fresh_start,
)
from keras_mobilevit.tflite.benchmarks.latency import (
    measure_latency,
    time_files,
)
from keras_mobilevit.tflite.benchmarks.latency_tables import (
    _trimmed_mean,
    to_footnote,
    to_json,
    to_table,
)
from keras_mobilevit.tflite.benchmarks.results import SCHEMA_FILE, read_results
from keras_mobilevit.tflite.flatbuffer import read_model, write_model
from keras_mobilevit.tflite.metadata import append_metadata, read_metadata
from keras_mobilevit.tflite.runtime import make_interpreter
from keras_mobilevit.tflite.self_test_recording import record_self_test


def write_file(path, function, shape, dtype="float32"):
    """Converts a small TensorFlow function of one input."""
    tf = pytest.importorskip("tensorflow")
    concrete = tf.function(
        function, input_signature=[tf.TensorSpec(shape, dtype)]
    ).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    path.write_bytes(converter.convert())
    return path


def the_input(interpreter):
    (details,) = interpreter.get_input_details()
    return interpreter.get_tensor(details["index"])


# === What is fed ===


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((None, 8, 6, 3), (1, 8, 6, 3)), ((1, 3, 8, 6), (1, 3, 8, 6))],
)
def test_noise_fits_dynamic_batches_and_channels_first(
    tmp_path, shape, expected
):
    path = write_file(tmp_path / "a.tflite", lambda x: x + x, shape)
    interpreter = make_interpreter(path)
    feed_noise(interpreter)
    noise = the_input(interpreter)
    assert noise.shape == expected
    assert noise.min() >= 0
    # 144 draws: that all are below 200 has a chance of 1e-16.
    assert 200 < noise.max() <= 255
    interpreter.invoke()


@pytest.mark.parametrize(("dtype", "zero"), [("uint8", 0), ("int8", -128)])
def test_noise_of_integer_inputs_is_the_same_image(tmp_path, dtype, zero):
    tf = pytest.importorskip("tensorflow")
    noise = []
    for input_type in ("float32", dtype):
        path = write_file(
            tmp_path / f"{input_type}.tflite",
            lambda x: tf.cast(x, tf.float32) + 1.0,
            (1, 8, 6, 3),
            input_type,
        )
        interpreter = make_interpreter(path)
        feed_noise(interpreter)
        noise.append(the_input(interpreter))
    assert noise[1].dtype == dtype
    np.testing.assert_array_equal(noise[1].astype(int) - zero, noise[0])


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((1, None, 6, 3), "float32", "fixed size"),
        ((1, 6), "bool", "could be pixels"),
    ],
)
def test_inputs_that_noise_does_not_fit(tmp_path, shape, dtype, message):
    pytest.importorskip("tensorflow")
    path = write_file(
        tmp_path / "a.tflite",
        (lambda x: ~x) if dtype == "bool" else (lambda x: x + x),
        shape,
        dtype,
    )
    with pytest.raises(ValueError, match=message):
        time_files([path], runs=1, warmup=0)
    with pytest.raises(ValueError, match=message):
        measure_fresh_start(path, repeats=1)


# === Interleaving ===


class FakeFiles:
    """Interpreters that move a clock of their own on, by what they are named.

    A file named `"3"` takes 3 ms, and 10 ms more at its first inference.
    """

    def __init__(self):
        self.seconds = 0.0
        self.calls = []

    def perf_counter(self):
        return self.seconds

    def open(self, path, num_threads):
        return FakeInterpreter(self, path)


class FakeInterpreter:
    def __init__(self, files, name):
        self.files, self.name = files, name

    def invoke(self):
        first = self.name not in self.files.calls
        self.files.seconds += int(self.name) / 1000 + 0.01 * first
        self.files.calls.append(self.name)


@pytest.fixture
def fake_files(monkeypatch):
    files = FakeFiles()
    monkeypatch.setattr(latency, "make_interpreter", files.open)
    monkeypatch.setattr(latency, "feed_noise", lambda interpreter: None)
    monkeypatch.setattr(latency.time, "perf_counter", files.perf_counter)
    return files


def test_each_file_is_timed_once_a_round(fake_files):
    names = ["1", "2", "5"]
    warmup, timed = time_files(names, runs=40, warmup=1)
    np.testing.assert_allclose(warmup, [[11], [12], [15]], rtol=1e-9)
    np.testing.assert_allclose(
        timed, np.repeat([[1.0], [2.0], [5.0]], 40, axis=1), rtol=1e-9
    )
    rounds = np.reshape(fake_files.calls, (41, 3))
    assert (np.sort(rounds, axis=1) == names).all()
    # Every file has followed every other one.
    followers = set(zip(fake_files.calls, fake_files.calls[1:], strict=False))
    assert {(a, b) for a in names for b in names if a != b} <= followers


def test_measure_latency_is_the_median_without_warm_up(fake_files):
    assert measure_latency(["4", "2"], runs=3, warmup=1) == pytest.approx(
        [4, 2]
    )


@pytest.mark.parametrize(
    "argument", [{"runs": 0}, {"warmup": -1}, {"num_threads": 0}]
)
def test_time_files_rejects(argument):
    with pytest.raises(ValueError, match="Expected runs >= 1"):
        time_files(["a.tflite"], **argument)


# === A process of its own ===


def test_memory_holds_what_the_file_holds(tmp_path):
    """A constant of 16 MiB, in a process without Keras and TensorFlow."""
    tf = pytest.importorskip("tensorflow")
    weights = np.random.default_rng(0).standard_normal((2048, 2048), "float32")
    path = write_file(
        tmp_path / "a.tflite", lambda x: tf.matmul(x, weights), (1, 2048)
    )
    start = measure_fresh_start(path, repeats=1)
    if start.peak_mem_mb is None:
        pytest.skip("this system does not tell of memory")
    assert 16 * 1024 <= start.init_footprint_kb <= start.overall_footprint_kb
    # Keras alone takes more.
    assert 16 < start.peak_mem_mb < 200
    assert start.init_ms > 0
    assert start.first_inference_ms > 0


def test_fresh_start_is_the_median(monkeypatch):
    starts = iter(
        {
            "init_ms": init,
            "first_inference_ms": 10 * init,
            "init_footprint_kb": None,
            "overall_footprint_kb": None,
            "peak_mem_mb": None,
        }
        for init in (3.0, 1.0, 2.5)
    )
    monkeypatch.setattr(fresh_start, "_start", lambda *_: next(starts))
    assert measure_fresh_start("a.tflite") == FreshStart(2.5, 25.0)


def test_fresh_start_of_no_model(tmp_path):
    path = tmp_path / "page.tflite"
    path.write_text("<html>404</html>")
    with pytest.raises(ValueError, match="page.tflite can not be started"):
        measure_fresh_start(path)


# === The machine ===


def test_cpu_in_the_words_of_x86(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(
        "processor\t: 0\nmodel name\t: Some CPU: 3 GHz\n"
        "flags\t\t: fpu smep avx512_vnni sse4_1 avx2\n\n"
        "processor\t: 1\nmodel name\t: Another\n"
    )
    assert _cpu(path) == ("Some CPU: 3 GHz", ["avx2", "avx512_vnni", "sse4_1"])


def test_cpu_in_the_words_of_arm(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("Features\t: fp asimd crc32 asimddp i8mm smei8i32\n")
    assert _cpu(path) == ("", ["asimd", "asimddp", "i8mm", "smei8i32"])
    assert _cpu(tmp_path / "none") == ("", [])


# === The figures ===

INSPECTION = types.SimpleNamespace(
    size=2_500_000, nodes=10, delegated=9, partitions=2
)
MACHINE = {
    "cpu": "Some CPU",
    "cpu_flags": ["avx2"],
    "cores": 2,
    "load_average": 0.25,
    "system": "Linux x86_64",
    "python": "3.11.0",
    "versions": {"ai-edge-litert": "2.3.0"},
}


@pytest.fixture
def measurements(tmp_path, monkeypatch):
    """Two files, whose rounds took (2, 4, 6, 8) and (1, 2, 3, 2) ms."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.tflite").write_bytes(b"a")
    (tmp_path / "b.tflite").write_bytes(b"b")
    warmup, ms = np.full((2, 1), 9.0), np.array([[2, 4, 6, 8], [1, 2, 3, 2]])
    starts = iter([FreshStart(5.0, 7.0, 2048, 3072, 40.5), FreshStart(1, 2)])
    monkeypatch.setattr(benchmarking, "inspect", lambda path: INSPECTION)
    monkeypatch.setattr(
        benchmarking, "time_files", lambda *_: (warmup, ms.astype(float))
    )
    monkeypatch.setattr(
        benchmarking, "measure_fresh_start", lambda *_: next(starts)
    )
    return benchmark({"a": "a.tflite", "b": "b.tflite"}, threads=[2])


def test_speedup_against_hand_computed_values(measurements):
    first, second = (item.speedup for item in measurements)
    assert (first.ratio, first.p5, first.p95) == (1, 1, 1)
    # Medians 5 and 2; ratios within a round 2, 2, 2, 4, of which the 95th
    # percentile lies 0.85 of the way from the third to the fourth.
    assert second.ratio == 2.5
    assert second.p5 == 2
    assert second.p95 == pytest.approx(3.7)


# Fields of the messages in TensorFlow's
# tensorflow/lite/tools/benchmark/proto/benchmark_result.proto.
PROTO = {
    "LatencyMetrics": {
        **dict.fromkeys(
            ("avg_ms", "min_ms", "max_ms", "stddev_ms", "median_ms"), "float"
        ),
        **dict.fromkeys(("p5_ms", "p95_ms", "init_ms"), "float"),
        **dict.fromkeys(("first_inference_ms", "average_warm_up_ms"), "float"),
    },
    "MemoryMetrics": {
        "init_footprint_kb": "int64",
        "overall_footprint_kb": "int64",
        "peak_mem_mb": "float",
    },
    "MiscMetrics": {
        "model_size_mb": "float",
        "num_runs": "int32",
        "num_warmup_runs": "int32",
        "model_throughput_in_mb_per_sec": "float",
    },
    "BenchmarkResult": {
        "name": "string",
        "latency_metrics": "LatencyMetrics",
        "memory_metrics": "MemoryMetrics",
        "misc_metrics": "MiscMetrics",
    },
}


def benchmark_result_message():
    """The class that protobuf makes of `PROTO`."""
    file = descriptor_pb2.FileDescriptorProto(name="benchmark_result.proto")
    field_type = descriptor_pb2.FieldDescriptorProto
    for message, fields in PROTO.items():
        descriptor = file.message_type.add(name=message)
        for number, (name, kind) in enumerate(fields.items(), start=1):
            field = descriptor.field.add(
                name=name, number=number, label=field_type.LABEL_OPTIONAL
            )
            if kind in PROTO:
                field.type_name = f".{kind}"
                field.type = field_type.TYPE_MESSAGE
            else:
                field.type = getattr(field_type, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("BenchmarkResult")
    )


def test_json_is_read_as_tensorflows_benchmark_result(measurements):
    tree = json.loads(json.dumps(to_json(measurements, MACHINE)))
    assert tree["machine"] == {"kind": "host", **MACHINE}
    result = json_format.ParseDict(
        tree["results"][0],
        benchmark_result_message()(),
        ignore_unknown_fields=True,
    )
    assert result.name == "a, 2 thread(s)"
    # Of (2, 4, 6, 8) ms.
    times = result.latency_metrics
    assert (times.avg_ms, times.median_ms) == (5, 5)
    assert (times.min_ms, times.max_ms) == (2, 8)
    assert times.stddev_ms == pytest.approx(5**0.5)
    assert times.p5_ms == pytest.approx(2.3)
    assert times.p95_ms == pytest.approx(7.7)
    assert (times.init_ms, times.first_inference_ms) == (5, 7)
    assert times.average_warm_up_ms == 9
    memory = result.memory_metrics
    assert (memory.init_footprint_kb, memory.overall_footprint_kb) == (
        2048,
        3072,
    )
    assert memory.peak_mem_mb == 40.5
    misc = result.misc_metrics
    assert (misc.model_size_mb, misc.num_runs) == (2.5, 4)
    assert misc.num_warmup_runs == 1


def test_json_knows_only_the_fields_of_the_messages(measurements):
    for result in to_json(measurements, MACHINE)["results"]:
        for field, message in PROTO["BenchmarkResult"].items():
            if message in PROTO:
                assert result[field].keys() <= PROTO[message].keys()


def test_json_tells_more_than_the_message(measurements):
    first, second = to_json(measurements, MACHINE)["results"]
    assert (first["file"], first["num_threads"]) == ("a", 2)
    assert first["size_bytes"] == 2_500_000
    assert (first["delegated"], first["nodes"], first["partitions"]) == (
        9,
        10,
        2,
    )
    assert first["sha256"] == hashlib.sha256(b"a").hexdigest()
    assert first["runtime"] == "LiteRT 2.3.0"
    assert first["samples_ms"] == [2, 4, 6, 8]
    assert second["memory_metrics"] == {}
    assert second["speedup"]["ratio"] == 2.5


def test_json_has_the_published_form(measurements):
    tree = json.loads(json.dumps(to_json(measurements, MACHINE)))
    validator = jsonschema.Draft202012Validator(
        json.loads(SCHEMA_FILE.read_text("utf-8"))
    )
    validator.validate(tree)
    assert tree["schema_version"] == 1


def test_trimmed_mean_drops_a_tenth_at_either_end():
    ms = np.array([1000.0, *range(1, 19), 0.0])
    assert _trimmed_mean(ms) == 9.5  # Of 2 to 17.


def test_table_and_footnote(measurements):
    table = to_table(measurements).splitlines()
    assert [cell.strip() for cell in table[3].split("|")[1:-1]] == [
        *("b", "2,500,000", "9/10 in 2", "2", "2.00 (1.15 - 2.85)"),
        *("2.50 (2.00 - 3.70)", "1.0", "2.0", "unknown"),
    ]
    assert table[2].rstrip(" |").endswith("3.0")
    footnote = to_footnote(measurements, MACHINE)
    for fact in ("4 interleaved", "load 0.25", "avx2", "ai-edge-litert 2.3.0"):
        assert fact in footnote


def test_benchmark_needs_files():
    with pytest.raises(ValueError, match="at least one file"):
        benchmark({})


# === The command ===


def test_command_measures_files(command, files, tmp_path, capsys):
    paths = [str(files["float32"]), str(files["int8"])]
    argv = [*paths, "--runs", "2", "--warmup", "0", "--threads", "1", "2"]
    assert command("benchmark", *argv, "--json", tmp_path / "a.json") == 0
    out = capsys.readouterr().out
    assert out.count(paths[1]) == 2
    tree = json.loads((tmp_path / "a.json").read_text())
    assert [(r["file"], r["num_threads"]) for r in tree["results"]] == [
        (path, threads) for threads in (1, 2) for path in paths
    ]
    for result in tree["results"]:
        path = pathlib.Path(result["file"])
        assert result["size_bytes"] == len(path.read_bytes())
        assert result["partitions"] == 1
        assert "average_warm_up_ms" not in result["latency_metrics"]
    assert tree["machine"]["versions"] == describe_machine()["versions"]


def test_command_takes_the_same_words_as_on_a_phone(
    command, files, tmp_path, capsys
):
    """And tells what the file says of itself, and whether it is right."""
    data = write_model(read_model(files["int8"].read_bytes()))
    spec = (read_metadata(files["int8"]) or ModelInfo()).image
    info = ModelInfo(
        name="net",
        variant="mobilevit_xxs",
        recipe="int8",
        image=spec,
        self_test=record_self_test(data, spec),
    )
    path, output = tmp_path / "tested.tflite", tmp_path / "a.json"
    path.write_bytes(append_metadata(data, info))
    argv = ("--runs", "2", "--warmup", "0", "--threads", "1,2", "-o", output)
    assert command("benchmark", path, *argv) == 0
    results = read_results(output)["results"]
    assert [result["num_threads"] for result in results] == [1, 2]
    for result in results:
        assert result["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert result["model"] == {
            **{"name": "net", "variant": "mobilevit_xxs"},
            **{"task": "classification", "recipe": "int8"},
        }
        assert result["self_test"]["verdict"] == "identical"
        assert result["self_test"]["passed"]
        assert len(result["samples_ms"]) == 2


def test_options_of_a_phone_need_one(command, capsys):
    with pytest.raises(SystemExit) as stop:
        command("benchmark", "a.tflite", "--serial", "S")
    assert stop.value.code == 2
    assert "--serial needs --android" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [["missing.tflite"], ["int8", "--threads", "0"]]
)
def test_command_errors(command, files, tmp_path, capsys, argv):
    argv = [str(files.get(arg, arg)) for arg in argv]
    assert command("benchmark", *argv, "--json", tmp_path / "a.json") == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "a.json").exists()
