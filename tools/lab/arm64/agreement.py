"""Whether files do the same on emulated Arm64 cores as on the host."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import sys
import tempfile
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from arm64.counting import Instructions, last_inference
from arm64.emulator import CORES, Emulator, check_core
from arm64.logits import cut_to_logits
from arm64.programs import run
from keras_mobilevit.tflite.inspection.delegation import delegated_nodes
from keras_mobilevit.tflite.interpreters import make_interpreter
from keras_mobilevit.tflite.metrics import sqnr

_PROBE = pathlib.Path(__file__).with_name("inference_probe.py")


@dataclasses.dataclass(frozen=True)
class Agreement:
    """One file on one emulated core, beside the same file on the host.

    Attributes:
        file: Path of the file.
        core: Emulated core.
        nodes: Operations in the graph.
        delegated: Operations that XNNPACK executes on the core.
        partitions: Pieces that it executes them in.
        same_delegation: Whether the host's XNNPACK takes the same ones.
        integer: Whether the file computes in integers of 8 bits.
        images: Inputs that were compared.
        identical: Those of them whose logits are the same to the last bit.
            Logits are what stands in front of a last softmax, if there is
            one: in float, it rounds otherwise on every processor.
        sqnr: Signal to noise of the logits against the host's, in dB, as
            `keras_mobilevit.tflite.metrics.sqnr` has it.
        same_top1: Whether the largest output is the same for every input.
        instructions: Of one inference, where they were counted.
    """

    file: str
    core: str
    nodes: int
    delegated: int
    partitions: int
    same_delegation: bool
    integer: bool
    images: int
    identical: int
    sqnr: float
    same_top1: bool
    instructions: Instructions | None = None


@dataclasses.dataclass(frozen=True)
class Findings:
    """What `inference_probe.py` found of one file on one machine.

    Attributes:
        operations: Of the graph, and the delegates that replace some.
        integer: As in `Agreement`.
        outputs: Array `(inputs, outputs)` of float64, the logits.
        instructions: As in `Agreement`.
    """

    operations: list[dict]
    integer: bool
    outputs: np.ndarray
    instructions: Instructions | None = None


def check_files(
    files: Sequence[str | os.PathLike],
    emulator: Emulator,
    cores: Sequence[str] = CORES,
    *,
    images: int = 3,
    low: float = 0.0,
    high: float = 255.0,
) -> list[Agreement]:
    """Runs files on the host and on emulated cores, and compares.

    Args:
        files: `.tflite` files with inputs of float32, int8 or uint8.
        emulator: From `prepare`; with a plugin it also counts instructions.
        cores: As `qemu-aarch64 -cpu help` lists them.
        images: Random inputs to compare on; two at least to count.
        low: Smallest value of a float input.
        high: Largest value of a float input.

    Returns:
        For each file, one `Agreement` a core.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file does not run on the host, a core is one that
            `check_core` refuses, or there are too few images.
        RuntimeError: If a file does not run on a core.
    """
    fewest = 1 if emulator.plugin is None else 2
    if images < fewest:
        raise ValueError(
            f"`images` must be {fewest} or more. Received: images={images}"
        )
    check_request(files, cores)
    numbers = (str(images), str(low), str(high))
    bar = tqdm(
        total=len(files) * (1 + len(cores)), desc="running", disable=None
    )
    results = []
    with tempfile.TemporaryDirectory() as folder, bar:
        for file in files:
            logits = pathlib.Path(folder) / "logits.tflite"
            logits.write_bytes(cut_to_logits(pathlib.Path(file).read_bytes()))
            paths = (os.path.abspath(file), logits)
            host = _run_on_host(*paths, numbers)
            bar.update()
            for core in cores:
                arm = _run_on_core(emulator, core, *paths, numbers)
                results.append(compare(os.fspath(file), core, host, arm))
                bar.update()
    return results


def check_request(
    files: Sequence[str | os.PathLike], cores: Sequence[str]
) -> None:
    """Refuses what can not run, before anything is fetched or emulated.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file does not run on the host, or a core is one that
            `check_core` refuses.
    """
    for core in cores:
        check_core(core)
    for file in files:
        make_interpreter(file)


def compare(file: str, core: str, host: Findings, arm: Findings) -> Agreement:
    """Sets what was found on a core beside what was found on the host."""
    delegated, partitions = delegated_nodes(arm.operations)
    best = [findings.outputs.argmax(axis=1) for findings in (host, arm)]
    return Agreement(
        file=file,
        core=core,
        nodes=len(arm.operations) - partitions,
        delegated=len(delegated),
        partitions=partitions,
        same_delegation=delegated == delegated_nodes(host.operations)[0],
        integer=arm.integer,
        images=len(host.outputs),
        # As bytes: also what is not a number is equal to itself.
        identical=sum(
            a.tobytes() == b.tobytes()
            for a, b in zip(host.outputs, arm.outputs, strict=True)
        ),
        sqnr=sqnr(host.outputs, arm.outputs),
        same_top1=bool(np.array_equal(*best)),
        instructions=arm.instructions,
    )


def _run_on_host(file, logits, numbers):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.npz"
        run([sys.executable, _PROBE, file, logits, out, *numbers])
        return _read(out)


def _run_on_core(emulator, core, file, logits, numbers):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.npz"
        arguments = [file, logits, out, *numbers]
        if emulator.plugin is None:
            run(emulator.command(core, _PROBE, arguments))
            return _read(out)
        counts = pathlib.Path(folder) / "counts.txt"
        run(emulator.command(core, _PROBE, [*arguments, "--mark"], counts))
        return dataclasses.replace(
            _read(out), instructions=last_inference(counts.read_text())
        )


def _read(path):
    with np.load(path, allow_pickle=False) as arrays:
        return Findings(
            operations=json.loads(arrays["operations"].item()),
            integer=bool(arrays["integer"]),
            outputs=arrays["outputs"],
        )
