"""What is measured, and in which order."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from keras_mobilevit.android.model_files import ModelFile

ACCELERATORS = ("cpu", "gpu")


@dataclasses.dataclass(frozen=True)
class Configuration:
    """One file with its options.

    Attributes:
        file: What is measured.
        accelerator: `"cpu"` or `"gpu"`.
        threads: Threads of the CPU; `None` for as many as the tool chooses.
    """

    file: ModelFile
    accelerator: str
    threads: int | None

    def __str__(self) -> str:
        threads = "" if self.threads is None else f", {self.threads} thread(s)"
        return f"{self.file.name}, {self.accelerator}{threads}"


@dataclasses.dataclass(frozen=True)
class Run:
    """One measurement of a configuration.

    Attributes:
        configuration: What is measured.
        repeat: Number of the repeat, from 0.
        runs: Timed inferences.
        warmup: Inferences in front that do not count.
    """

    configuration: Configuration
    repeat: int
    runs: int
    warmup: int


def list_configurations(
    files: Sequence[ModelFile],
    accelerators: Sequence[str],
    threads: Sequence[int | None],
) -> list[Configuration]:
    """All combinations, each once.

    A GPU runs once for each file, with the first number of threads, which
    only matters for what it leaves to the CPU.
    """
    return [
        Configuration(file, accelerator, number)
        for accelerator in dict.fromkeys(accelerators)
        for number in dict.fromkeys(
            threads[:1] if accelerator == "gpu" else threads
        )
        for file in dict.fromkeys(files)
    ]


def interleave(
    configurations: Sequence[Configuration],
    repeats: int,
    runs: int,
    warmup: int,
) -> list[Run]:
    """Orders the measurements so that heat hits all configurations alike.

    Each repeat measures all of them, in an order of its own that is drawn
    with a fixed seed: none always follows the one that heats most.

    Args:
        configurations: From `list_configurations`.
        repeats: Number of repeats, at least 1.
        runs: Timed inferences of a configuration in all repeats together.
        warmup: Inferences in front of each measurement.
    """
    rng = random.Random(0)
    plan = []
    for repeat in range(repeats):
        # The first repeats get what is left over.
        share = (runs + repeats - 1 - repeat) // repeats
        plan += [
            Run(configuration, repeat, share, warmup)
            for configuration in rng.sample(configurations, len(configurations))
        ]
    return plan
