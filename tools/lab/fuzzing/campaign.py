"""Damages files, has them read by other processes, and counts what happens."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import pathlib
import queue
import random
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence

from fuzzing.damage import damage
from fuzzing.samples import write_samples
from keras_mobilevit.markdown_tables import markdown_table

TIMEOUT_S = 20
# The first file of a process waits for Keras and TensorFlow.
_START_S = 300


@dataclasses.dataclass(frozen=True)
class Case:
    """One damaged file.

    Attributes:
        kind: Kind of file.
        number: Number of the case; with kind and seed it gives the file again.
        outcome: `"ok"`, the name of the error that was raised, or `"crash
            (signal 11)"` or `"hang"`.
        passed: Whether that is as documented.
        message: What the error says.
    """

    kind: str
    number: int
    outcome: str
    passed: bool
    message: str = ""


def run_campaign(
    kinds: Sequence[str],
    *,
    count: int,
    seed: int = 0,
    workers: int = 2,
    timeout_s: float = TIMEOUT_S,
    keep: str | os.PathLike | None = None,
) -> list[Case]:
    """Reads damaged files.

    Args:
        kinds: Kinds of files, of `fuzzing.samples.SAMPLES`.
        count: Damaged files of each kind.
        seed: The same seed damages in the same way.
        workers: Processes.
        timeout_s: Longest time for a file, in seconds.
        keep: Folder for the files that fail.

    Raises:
        RuntimeError: If a file that is not damaged can not be read.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        samples = {kind: _samples(kind, folder) for kind in kinds}
        jobs = queue.SimpleQueue()
        for kind in kinds:
            for number in range(count):
                jobs.put((kind, number))
        cases = []

        def work(index):
            with _Worker(folder / f"worker{index}", timeout_s) as worker:
                while True:
                    try:
                        kind, number = jobs.get_nowait()
                    except queue.Empty:
                        return
                    path = damaged_file(
                        samples[kind], kind, number, seed, worker.folder
                    )
                    case = worker.read(kind, number, path, samples[kind])
                    cases.append(case)
                    if keep and not case.passed:
                        target = pathlib.Path(keep)
                        target.mkdir(parents=True, exist_ok=True)
                        name = f"{kind}-{seed}-{number}-{path.name}"
                        path.rename(target / name)

        failed = []
        threads = [
            threading.Thread(target=_reporting, args=(work, i, failed))
            for i in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
    return sorted(cases, key=lambda c: (list(kinds).index(c.kind), c.number))


def _reporting(work, index, failures):
    try:
        work(index)
    except Exception as error:
        failures.append(error)


def _samples(kind, folder):
    target = folder / kind
    target.mkdir()
    return write_samples(kind, target)


def damaged_file(
    samples: Sequence[pathlib.Path],
    kind: str,
    number: int,
    seed: int,
    folder: pathlib.Path,
) -> pathlib.Path:
    """Writes the file of a case."""
    rng = random.Random(f"{seed} {kind} {number}")
    sample = samples[number % len(samples)]
    path = folder / sample.name
    path.write_bytes(damage(sample.read_bytes(), rng))
    return path


class _Worker:
    """A process that reads files, started anew after a crash."""

    def __init__(self, folder, timeout_s):
        folder.mkdir()
        self.folder = folder
        self._timeout_s = timeout_s
        self._process = None
        self._known = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop()

    def read(self, kind, number, path, samples):
        if self._process is None:
            self._start()
        if kind not in self._known:
            answer = self._ask(kind, samples[0], _START_S)
            if isinstance(answer, str) or answer["error"]:
                raise RuntimeError(
                    f"The {kind} sample that is not damaged can not be read: "
                    f"{answer}"
                )
            self._known.add(kind)
        answer = self._ask(kind, path, self._timeout_s)
        if isinstance(answer, str):
            self._stop()
            return Case(kind, number, answer, False)
        outcome = answer["error"] or "ok"
        return Case(
            kind, number, outcome, answer["documented"], answer["message"]
        )

    def _ask(self, kind, path, timeout_s):
        """The worker's answer, or how it failed to give one."""
        self._process.stdin.write(f"{kind}\t{path}\n".encode())
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], timeout_s)[0]:
            return "hang"
        line = self._process.stdout.readline()
        if not line:
            return f"crash (exit {self._process.wait()})"
        return json.loads(line)

    def _start(self):
        self._known = set()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fuzzing.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "CUDA_VISIBLE_DEVICES": "",
                "OPENBLAS_NUM_THREADS": "1",
            },
        )

    def _stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def as_table(cases: Sequence[Case]) -> str:
    """Outcomes of each kind, as a table in Markdown."""
    rows = []
    for kind, of_kind in _by_kind(cases):
        errors = collections.Counter(
            case.outcome for case in of_kind if case.outcome != "ok"
        )
        rows.append(
            (
                kind,
                str(len(of_kind)),
                str(sum(case.outcome == "ok" for case in of_kind)),
                ", ".join(f"{n} {e}" for e, n in errors.most_common()),
                str(sum(not case.passed for case in of_kind)),
            )
        )
    return markdown_table(("kind", "files", "read", "refused", "failed"), rows)


def _by_kind(cases) -> Iterator[tuple[str, list[Case]]]:
    kinds = dict.fromkeys(case.kind for case in cases)
    for kind in kinds:
        yield kind, [case for case in cases if case.kind == kind]
