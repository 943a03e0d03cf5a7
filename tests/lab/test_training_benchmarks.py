"""Training steps of several implementations side by side, and the report."""

import importlib.util
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

import benchmark_training
from training_benchmarks import step_worker, worker_process
from training_benchmarks.figures import to_json
from training_benchmarks.implementations import (
    IMPLEMENTATIONS,
    Implementation,
    huggingface_config,
)
from training_benchmarks.step_comparison import compare_steps
from training_benchmarks.step_tables import (
    to_footnote,
    to_part_table,
    to_summary,
    to_table,
)
from training_benchmarks.worker_process import Worker, WorkerError

MACHINE = {
    "cpu": "Testor 1",
    "cores": 2,
    "load_average": 0.5,
    "system": "TestOS",
    "python": "3.0",
    "versions": {"keras-mobilevit": "9.9"},
}

# A step takes what the implementation is named after, its first ones 10 s more.
# Each writes its name to a file, and those of a word have their own fate.
FAKE = """
import json, os, pathlib, signal, sys
settings = json.loads(sys.argv[1])
name = settings["name"]
if name == "missing":
    raise ImportError("No module named 'missing'")
facts = {"parameters": 7, "versions": {f"of-{name}": "1"}}
print(json.dumps(facts), flush=True)
for index, _ in enumerate(sys.stdin):
    with open(os.environ["STEPS"], "a") as file:
        file.write(name + "\\n")
    if name == "dying" and index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "quiet" and index == 3:
        sys.exit(3)
    seconds = 1.0 if name in ("dying", "quiet") else float(name)
    answer = {
        "seconds": seconds + 10 * (index < 2),
        "loss": 7.0 - index,
        "peak_mb": 1000.0 + index,
    }
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """Replaces the worker; returns the names in the order of the steps."""
    path = tmp_path / "steps.txt"
    path.touch()
    worker = tmp_path / "worker.py"
    worker.write_text(FAKE)
    monkeypatch.setattr(worker_process, "WORKER", worker)
    monkeypatch.setenv("STEPS", str(path))
    return lambda: path.read_text().split()


def implementations(*names):
    return [Implementation(name, "keras", "tensorflow") for name in names]


# === Interleaving ===


def test_each_trains_once_a_round(steps):
    names = ["0.5", "1", "2"]
    comparison = compare_steps(
        implementations(*names),
        "mobilevit_xxs",
        batch_size=8,
        rounds=30,
        warmup=2,
    )
    assert [result.name for result in comparison.results] == names
    for result in comparison.results:
        np.testing.assert_array_equal(result.seconds, [float(result.name)] * 30)
        assert result.first_seconds == 10 + float(result.name)
        assert result.parameters == 7
        assert result.loss == 7.0 - 31
        assert result.peak_mb == 1031
    assert comparison.left_out == {}
    # The first step of each, one after the other, then whole rounds.
    rounds = np.reshape(steps(), (32, 3))
    assert rounds[0].tolist() == names
    assert (np.sort(rounds, axis=1) == sorted(names)).all()
    # Every implementation has followed every other one.
    followers = set(zip(steps(), steps()[1:], strict=False))
    assert {(a, b) for a in names for b in names if a != b} <= followers


def test_who_fails_is_left_out_with_the_reason(steps):
    comparison = compare_steps(
        implementations("missing", "1", "dying", "quiet", "2"),
        "mobilevit_xxs",
        rounds=4,
        warmup=2,
    )
    assert comparison.left_out == {
        "missing": "ImportError: No module named 'missing'",
        "dying": "ended by signal 9",
        "quiet": "exit code 3",
    }
    assert [item.name for item in comparison.results] == ["1", "2"]
    assert all(item.seconds.size == 4 for item in comparison.results)


@pytest.mark.parametrize(
    "argument",
    [
        {"variant": "mobilevit_m"},
        {"size": 31},
        {"batch_size": 0},
        {"threads": 0},
        {"rounds": 0},
        {"warmup": 0},
    ],
)
def test_compare_steps_rejects(steps, argument):
    arguments = {"variant": "mobilevit_s", **argument}
    with pytest.raises(ValueError, match="Expected a variant of"):
        compare_steps(implementations("1"), **arguments)
    assert steps() == []


# === The worker ===

SETTING = {
    "variant": "mobilevit_xxs",
    "size": 64,
    "batch_size": 2,
    "threads": 1,
}


def run_worker(build, lines):
    """Answers of the real worker, with a model of the test's own."""
    code = f"""
import json, os, runpy, sys
import numpy as np
space = runpy.run_path({step_worker.__file__!r})
{build}
space["BUILDERS"]["fake"] = build
space["main"](sys.argv[1])
"""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            json.dumps({"library": "fake", **SETTING}),
        ],
        input="\n" * lines,
        capture_output=True,
        text=True,
        check=True,
    )


def test_worker_answers_each_line_and_nothing_else():
    result = run_worker(
        """
def build(settings, images, labels):
    print("noise of Python")
    os.system("echo noise of a library")
    assert images.shape == (2, 64, 64, 3) and images.dtype == np.float32
    assert 0 <= images.min() < 5 and 250 < images.max() <= 255
    assert labels.shape == (2,) and 0 <= labels.min() <= labels.max() < 1000
    return {"parameters": 1}, lambda: print("more noise") or 2.5
""",
        lines=2,
    )
    facts, *answers = map(json.loads, result.stdout.splitlines())
    assert facts == {"parameters": 1}
    assert [answer["loss"] for answer in answers] == [2.5, 2.5]
    assert all(answer["seconds"] > 0 for answer in answers)
    for noise in ("noise of Python", "noise of a library", "more noise"):
        assert noise in result.stderr


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="no affinity here"
)
def test_worker_keeps_to_its_cores():
    result = run_worker(
        """
def build(settings, images, labels):
    return {}, lambda: float(len(os.sched_getaffinity(0)))
""",
        lines=1,
    )
    assert json.loads(result.stdout.splitlines()[-1])["loss"] == 1


def test_worker_tells_its_peak_memory():
    result = run_worker(
        """
def build(settings, images, labels):
    sizes = iter([1, 2**23, 1])  # 64 MiB of float64 in the second step
    return {}, lambda: float(np.ones(next(sizes)).size)
""",
        lines=3,
    )
    before, during, after = (
        json.loads(line)["peak_mb"] for line in result.stdout.splitlines()[1:]
    )
    if before is None:
        pytest.skip("this system does not tell of memory")
    # The kernel counts pages in batches.
    assert during - before == pytest.approx(64, abs=1)
    assert after == during


def test_worker_needs_nothing_of_this_package_for_a_baseline():
    code = """
import runpy, sys
runpy.run_path(sys.argv[1])
assert not {"keras", "keras_mobilevit", "torch"} & set(sys.modules)
"""
    subprocess.run(
        [sys.executable, "-c", code, step_worker.__file__], check=True
    )


def test_workers_keep_to_the_processor_and_wait_without_spinning():
    implementation = IMPLEMENTATIONS["torch"]
    environment = worker_process._environment(implementation, 3, "cpu")
    assert environment["KERAS_BACKEND"] == "torch"
    assert environment["CUDA_VISIBLE_DEVICES"] == "-1"
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
    assert environment["OMP_NUM_THREADS"] == "3"


# === The models ===


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (
            "mobilevit_xxs",
            ([64, 80, 96], [16, 16, 24, 48, 64, 80, 320], 2.0, 0.05),
        ),
        (
            "mobilevit_xs",
            ([96, 120, 144], [16, 32, 48, 64, 80, 96, 384], 4.0, 0.1),
        ),
        (
            "mobilevit_s",
            ([144, 192, 240], [16, 32, 64, 96, 128, 160, 640], 4.0, 0.1),
        ),
    ],
)
def test_configs_are_those_that_hugging_face_publishes(variant, expected):
    """From `config.json` of apple/mobilevit-xx-small, -x-small and -small."""
    assert huggingface_config(variant, 256) == dict(
        zip(
            (
                "hidden_sizes",
                "neck_hidden_sizes",
                "expand_ratio",
                "hidden_dropout_prob",
            ),
            expected,
            strict=True,
        ),
        image_size=256,
        num_labels=1000,
    )


def check_training(name):
    """A real worker: the size of its model, and that it learns its batch."""
    running = Worker(IMPLEMENTATIONS[name], **SETTING)
    try:
        facts = running.read()
        losses = [running.step()["loss"] for _ in range(8)]
    except WorkerError as error:
        pytest.fail(f"{name}: {error}")
    finally:
        running.close()
    # The published size.
    assert facts["parameters"] == 1_272_024
    # Before it has learned, it guesses among 1000 classes.
    assert losses[0] == pytest.approx(math.log(1000), abs=0.5)
    assert losses[-1] < losses[0]
    return facts["versions"]


@pytest.mark.parametrize("name", ["huggingface", "huggingface-channels-last"])
def test_hugging_face_trains(name):
    for module in ("torch", "transformers"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    assert set(check_training(name)) == {"torch", "transformers"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["tensorflow", "tensorflow-xla", "jax", "torch"]
)
def test_ours_trains(name):
    backend = IMPLEMENTATIONS[name].backend
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    assert set(check_training(name)) == {"keras", backend}


# === Parts of a step ===


def test_part_has_to_be_one(steps):
    with pytest.raises(ValueError, match=r"`part` must be.*'elementwise'"):
        compare_steps(implementations("1"), "mobilevit_s", part="stem")


def test_table_of_parts(steps):
    parts = [
        compare_steps(
            implementations(*names),
            "mobilevit_s",
            part=part,
            rounds=1,
            warmup=2,
        )
        for part, names in (
            ("depthwise", ("0.5", "2")),
            ("patches", ("0.25", "missing")),
        )
    ]
    lines = to_part_table(parts).splitlines()
    cells = [[x.strip() for x in line.split("|")[1:-1]] for line in lines]
    assert cells[0] == ["ms", "0.5", "2", "0.25"]
    assert cells[2:] == [
        ["depthwise", "500.0", "2000.0", "-"],
        ["patches", "-", "-", "250.0"],
    ]


# === The report ===


@pytest.fixture
def comparison(steps):
    return compare_steps(
        implementations("0.5", "2"),
        "mobilevit_xxs",
        batch_size=8,
        rounds=4,
        warmup=2,
    )


def test_table(comparison):
    lines = to_table(comparison).splitlines()
    cells = [[x.strip() for x in line.split("|")[1:-1]] for line in lines]
    assert cells[0] == [
        "implementation",
        "images/s (p5 - p95)",
        "speed-up (p5 - p95)",
        "first step s",
        "peak memory MB",
    ]
    # 8 images in 0.5 s and in 2 s.
    assert cells[2:] == [
        ["0.5", "16.00 (16.00 - 16.00)", "1.00 (1.00 - 1.00)", "10.5", "1,005"],
        ["2", "4.00 (4.00 - 4.00)", "0.25 (0.25 - 0.25)", "12.0", "1,005"],
    ]


def test_footnote(comparison):
    text = to_footnote(comparison, MACHINE)
    assert text.startswith("4 interleaved training steps after 2 to warm up, ")
    assert "8 images of 256x256, cpu with 2 threads, float32" in text
    assert "Testor 1, 2 cores, load 0.50, TestOS" in text
    assert "keras-mobilevit 9.9, of-0.5 1, of-2 1" in text


def test_summary_has_a_dash_where_one_is_missing(steps, comparison):
    other = compare_steps(
        implementations("4"), "mobilevit_s", batch_size=8, rounds=1, warmup=2
    )
    lines = to_summary([comparison, other]).splitlines()
    cells = [[x.strip() for x in line.split("|")[1:-1]] for line in lines]
    assert cells[0] == ["images/s", "mobilevit_xxs", "mobilevit_s"]
    assert cells[2:] == [
        ["0.5", "16.00", "-"],
        ["2", "4.00", "-"],
        ["4", "-", "2.00"],
    ]


def test_json_holds_every_step(comparison):
    tree = json.loads(json.dumps(to_json([comparison], MACHINE)))
    assert tree["machine"] == MACHINE
    (found,) = tree["comparisons"]
    assert found["variant"] == "mobilevit_xxs"
    assert found["results"][1]["seconds"] == [2.0] * 4


# === The tool ===


@pytest.fixture
def tool(monkeypatch, steps):
    fakes = {item.name: item for item in implementations("missing", "1", "2")}
    monkeypatch.setattr(benchmark_training, "IMPLEMENTATIONS", fakes)
    monkeypatch.setenv("PATH", "")
    return benchmark_training


ARGV = ["--variants", "mobilevit_xxs", "--rounds", "1", "--batch-size", "4"]


def test_tool_measures_what_there_is(tool, tmp_path, capsys):
    path = tmp_path / "a.json"
    assert tool.main([*ARGV, "--json", str(path)]) == 0
    out = capsys.readouterr().out
    reason = "ImportError: No module named 'missing'"
    assert f"left out of mobilevit_xxs: missing, {reason}" in out
    assert "There is no GPU: everything runs on the processor." in out
    assert "| 2              | 2.00 (2.00 - 2.00)  |" in out
    (found,) = json.loads(path.read_text())["comparisons"]
    assert [item["name"] for item in found["results"]] == ["1", "2"]
    assert found["left_out"] == {"missing": reason}


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="no affinity here"
)
def test_threads_are_the_cores_that_are_allowed(monkeypatch):
    """Of which `taskset` or a container may deny some of the machine's."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert benchmark_training.build_parser().parse_args([]).threads == 3


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            ["--implementations", "missing"],
            "no implementation could be measured",
        ),
        (["--threads", "0"], "threads=0"),
    ],
)
def test_tool_fails_in_one_line(tool, extra, message, capsys):
    assert tool.main([*ARGV, *extra]) == 1
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("error: ")
    assert message in err


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'", "gpu"),
        ("echo 'No devices were found'", "cpu"),
        ("echo 'Failed to initialize NVML'; exit 255", "cpu"),
    ],
)
def test_device_is_what_the_driver_lists(
    tmp_path, monkeypatch, script, expected
):
    """Its output as of driver 550."""
    path = tmp_path / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert benchmark_training.find_device() == expected


def test_a_gpu_is_shared(tmp_path):
    environment = worker_process._environment(IMPLEMENTATIONS["jax"], 3, "gpu")
    assert "CUDA_VISIBLE_DEVICES" not in environment
    assert "JAX_PLATFORMS" not in environment
    assert environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


def test_torch_compiles_only_for_a_gpu(monkeypatch):
    seen = []

    def compare(implementations, *args, **options):
        seen.append([item.name for item in implementations])
        raise ValueError

    monkeypatch.setattr(benchmark_training, "compare_steps", compare)
    for device in ("cpu", "gpu"):
        assert benchmark_training.main(["--device", device]) == 1
    on_cpu, on_gpu = seen
    assert on_gpu == list(IMPLEMENTATIONS)
    assert set(on_gpu) - set(on_cpu) == {
        "torch-compiled",
        "huggingface-compiled",
    }
