"""Whether files do in another runtime what they do here."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from keras_mobilevit.tflite.inspection.delegation import delegated_nodes
from keras_mobilevit.tflite.metrics import sqnr
from keras_mobilevit.tflite.quantization.calibration_set import (
    Source,
    calibration_set,
)
from keras_mobilevit.tflite.runtime import ImageModel
from runtime_trials.probe_process import ProbeProcess
from runtime_trials.runtimes import Runtime, own_runtime

_WARMUP = 5


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a runtime made of a file.

    Attributes:
        nodes: Operations in the graph.
        delegated: Operations that XNNPACK executes there.
        partitions: Pieces that it executes them in.
        sqnr: Signal to noise of the outputs against those of the file here,
            in dB, as `keras_mobilevit.tflite.metrics.sqnr` has it.
        agreement: Share of the answers that are the same as here: the largest
            along the last axis, or the number itself of a whole number.
            `None` for a file with several outputs.
        float_sqnr: Signal to noise against the float file, in dB; `None`
            without one.
        milliseconds: Processor time of an inference with one thread, the
            median.
        speed: That time here over that there: at 0.5, it takes twice as long.
    """

    nodes: int
    delegated: int
    partitions: int
    sqnr: float
    agreement: float | None
    float_sqnr: float | None
    milliseconds: float
    speed: float


@dataclasses.dataclass(frozen=True)
class RuntimeCheck:
    """One file in one runtime.

    Attributes:
        file: Path of the file.
        runtime: Such as `"tflite-runtime==2.14.0"`.
        answers: What it gave; `None` if it does not run.
        reason: Why it does not run, in the runtime's words.
    """

    file: str
    runtime: str
    answers: Answers | None
    reason: str = ""


def check_runtimes(
    files: Sequence[str | os.PathLike],
    runtimes: Sequence[Runtime],
    data: Source | None = None,
    *,
    images: int = 20,
    float_file: str | os.PathLike | None = None,
    runs: int = 50,
) -> list[RuntimeCheck]:
    """Runs files in other runtimes and in this one, and compares.

    Times are taken in turns, one inference here and one there, each in a
    process of its own.

    Args:
        files: `.tflite` files with one picture as their input.
        runtimes: From `install_runtime` or `own_runtime`.
        data: Pictures to compare on, as in
            `keras_mobilevit.tflite.calibration_set`; `None` for coloured
            blocks.
        images: Number of them.
        float_file: The float32 file of the same network, to compare with.
        runs: Timed inferences of each.

    Returns:
        For each file, one check a runtime.

    Raises:
        FileNotFoundError: If a file or the pictures are missing.
        ValueError: If a file does not run here, or a number is below 1.
    """
    if min(images, runs) < 1:
        raise ValueError(
            f"Expected numbers from 1. Received: images={images}, runs={runs}"
        )
    models = {file: ImageModel(file) for file in (*files, float_file) if file}
    bar = tqdm(total=len(files) * len(runtimes), desc="running", disable=None)
    checks = []
    with bar:
        for file in files:
            pictures = _pictures(models[file], data, images)
            truth = _run_here(float_file, pictures) if float_file else None
            for runtime in runtimes:
                checks.append(
                    _check(runtime, os.fspath(file), pictures, truth, runs)
                )
                bar.update()
    return checks


def _check(runtime, file, pictures, truth, runs):
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(ProbeProcess(own_runtime(), file, pictures))
        try:
            there = stack.enter_context(ProbeProcess(runtime, file, pictures))
            times = _time([here, there], runs)
        except ValueError as error:
            return RuntimeCheck(file, runtime.name, None, str(error))
        delegated, partitions = delegated_nodes(there.operations)
        return RuntimeCheck(
            file,
            runtime.name,
            Answers(
                nodes=len(there.operations) - partitions,
                delegated=len(delegated),
                partitions=partitions,
                sqnr=_sqnr(here.outputs, there.outputs),
                agreement=_agreement(here.outputs, there.outputs),
                float_sqnr=_sqnr(truth, there.outputs) if truth else None,
                milliseconds=times[1],
                speed=times[0] / times[1],
            ),
        )


def _pictures(model, data, count):
    if data is None:
        return _blocks(model.shape, count)
    return calibration_set(
        data,
        model.shape,
        count=count,
        # As `ImageModel.load_image` reads them.
        image=model.info.image,
    ).images


def _blocks(shape, count):
    """Blocks of colour, of which no two pictures have the same."""
    *sides, channels = shape
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 8, 8, channels), np.uint8)
    for axis, side in enumerate(sides, start=1):
        images = images.take(np.arange(side) * 8 // side, axis)
    return images


def _run_here(file, pictures):
    with ProbeProcess(own_runtime(), file, pictures) as process:
        return process.outputs


def _time(processes, runs):
    """Median milliseconds of each."""
    rounds = [[p.time_once() for p in processes] for _ in range(_WARMUP + runs)]
    return np.median(rounds[_WARMUP:], axis=0).tolist()


def _sqnr(reference, outputs):
    return sqnr(
        *(
            np.concatenate([o.reshape(len(o), -1) for o in arrays], axis=1)
            for arrays in (reference, outputs)
        )
    )


def _agreement(here, there):
    if len(here) > 1:
        return None
    answers = [
        output if output.dtype.kind in "iu" else output.argmax(axis=-1)
        for (output,) in (here, there)
    ]
    return float(np.mean(answers[0] == answers[1]))
