"""Training steps of several implementations, in turn, so that noise hits all.

All implementations are ready at once, each in a process of its own, and one of
them trains at a time while the others wait.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from keras_mobilevit.configs import VARIANTS
from training_benchmarks.implementations import Implementation
from training_benchmarks.part_builders import PARTS
from training_benchmarks.worker_process import Worker, WorkerError


@dataclasses.dataclass(frozen=True)
class StepTimes:
    """Training steps of one implementation.

    Attributes:
        name: Name of the implementation.
        versions: Package -> version that it ran with.
        parameters: Trainable parameters of its model.
        first_seconds: The first step, which traces and compiles.
        seconds: Seconds `(rounds,)` of the timed steps.
        loss: Cross entropy of the last step, on a batch that all steps share.
        peak_mb: Peak resident memory of the process in MiB, or `None` where
            it is unknown.
    """

    name: str
    versions: dict[str, str]
    parameters: int
    first_seconds: float
    seconds: np.ndarray
    loss: float
    peak_mb: float | None


@dataclasses.dataclass(frozen=True)
class StepComparison:
    """What one variant takes to train.

    Attributes:
        variant: Name of the variant.
        size: Side of the images, in pixels.
        batch_size: Images in a step.
        threads: Cores for each implementation.
        device: `"cpu"` or `"gpu"`.
        dtype: `"float32"`, or `"bfloat16"` for mixed precision.
        part: `"step"` for whole training steps, or one of `PARTS`.
        warmup: Steps in front that do not count.
        results: One an implementation, in order.
        left_out: Name of an implementation that failed -> why.
    """

    variant: str
    size: int
    batch_size: int
    threads: int
    device: str
    dtype: str
    part: str
    warmup: int
    results: list[StepTimes]
    left_out: dict[str, str]


def compare_steps(
    implementations: Sequence[Implementation],
    variant: str,
    *,
    size: int = 256,
    batch_size: int = 16,
    threads: int = 2,
    device: str = "cpu",
    dtype: str = "float32",
    part: str = "step",
    rounds: int = 20,
    warmup: int = 3,
) -> StepComparison:
    """Times training steps, one of each implementation a round.

    Every round has an order of its own, drawn with a fixed seed, so that no
    implementation always follows the same one. All of them train with AdamW and
    cross entropy, with dropout, on a batch of random images that is in memory.
    Who fails, for want of a package or of memory, is left out.

    Args:
        implementations: From `IMPLEMENTATIONS`.
        variant: Name such as `"mobilevit_xxs"`.
        size: Side of the images, in pixels.
        batch_size: Images in a step.
        threads: Cores for each implementation.
        device: `"cpu"` or `"gpu"`.
        dtype: `"float32"`, or `"bfloat16"` for mixed precision.
        part: `"step"`, or one of `training_benchmarks.part_builders.PARTS`.
        rounds: Timed steps of each implementation, at least 1.
        warmup: Steps in front that do not count, at least 1.

    Raises:
        ValueError: If an argument is out of its range.
    """
    numbers = (size // 32, batch_size, threads, rounds, warmup)
    if variant not in VARIANTS or min(numbers) < 1:
        raise ValueError(
            f"Expected a variant of {list(VARIANTS)}, size >= 32, and "
            "batch_size, threads, rounds and warmup >= 1. Received: "
            f"variant={variant!r}, size={size}, batch_size={batch_size}, "
            f"threads={threads}, rounds={rounds}, warmup={warmup}"
        )
    if part not in ("step", *PARTS):
        raise ValueError(
            f"`part` must be 'step' or one of {list(PARTS)}. Received: {part!r}"
        )
    setting = dict(
        variant=variant,
        size=size,
        batch_size=batch_size,
        threads=threads,
        device=device,
        dtype=dtype,
        part=part,
    )
    facts, answers, left_out = {}, {}, {}
    with contextlib.ExitStack() as stack:
        workers = {}
        for implementation in tqdm(
            implementations, desc="starting", disable=None
        ):
            name, worker = (
                implementation.name,
                Worker(implementation, **setting),
            )
            stack.callback(worker.close)
            try:
                facts[name] = worker.read()
                answers[name] = [worker.step()]
                workers[name] = worker
            except WorkerError as error:
                left_out[name] = str(error)
        rng = np.random.default_rng(0)
        for _ in tqdm(range(warmup - 1 + rounds), desc="timing", disable=None):
            for name in rng.permutation(list(workers)):
                try:
                    answers[name].append(workers[name].step())
                except WorkerError as error:
                    del workers[name]
                    left_out[name] = str(error)
    return StepComparison(
        **setting,
        warmup=warmup,
        results=[
            _step_times(name, facts[name], answers[name], warmup)
            for name in workers
        ],
        left_out=left_out,
    )


def _step_times(name, facts, answers, warmup):
    return StepTimes(
        name=name,
        **facts,
        first_seconds=answers[0]["seconds"],
        seconds=np.array([answer["seconds"] for answer in answers[warmup:]]),
        loss=answers[-1]["loss"],
        peak_mb=answers[-1]["peak_mb"],
    )
