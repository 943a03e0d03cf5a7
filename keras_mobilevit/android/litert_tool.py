"""Measures with `litert benchmark --android`, where LiteRT's CLI is there."""

from __future__ import annotations

import shutil
from typing import Any

from keras_mobilevit.android.adb import Adb, explain
from keras_mobilevit.android.benchmark_model import parse_output, to_document
from keras_mobilevit.android.cleanup import Cleanup
from keras_mobilevit.android.configurations import Run
from keras_mobilevit.android.errors import AndroidError, RunFailedError
from keras_mobilevit.android.phone_facts import describe_phone
from keras_mobilevit.android.processes import ProgramOutput


class LitertTool:
    """The program `litert`, which runs its own `benchmark_model`.

    It chooses the numbers of threads and runs itself, and keeps its files on
    the phone, in a folder of its own.
    """

    pushes_files = False

    def __init__(self, adb: Adb, *, silence: float):
        """Finds the program.

        Args:
            adb: The phone.
            silence: Seconds without a word after which it is stuck.

        Raises:
            AndroidError: If there is no such program.
        """
        found = shutil.which("litert")
        if found is None:
            raise AndroidError(
                "There is no program 'litert' on PATH: `pip install "
                "litert-cli`, or measure with --android-tool app."
            )
        self._program, self._adb, self._silence = found, adb, silence
        self._machine: dict[str, Any] = {}

    def prepare(self, cleanup: Cleanup) -> None:
        """As `PhoneTool.prepare`."""
        self._machine = describe_phone(self._adb)

    def measure(self, run: Run) -> dict[str, Any]:
        """As `PhoneTool.measure`."""
        configuration = run.configuration
        path = str(configuration.file.path.resolve())
        command = [self._program, "benchmark", path, "--android"]
        if configuration.accelerator == "gpu":
            command.append("--gpu")
        lines = []
        environment = {
            "ANDROID_SERIAL": self._adb.serial,
            # A program in Python would keep its lines, and seem to be stuck.
            "PYTHONUNBUFFERED": "1",
        }
        with ProgramOutput(command, self._silence, environment) as output:
            lines += output
        try:
            result = parse_output(lines)
        except RunFailedError as error:
            if (known := explain("\n".join(lines))) is not None:
                raise known from error
            raise
        warnings = result.pop("warnings")
        warnings.append("litert chose the numbers of threads and runs.")
        return to_document(
            self._machine,
            run,
            {**result, "num_threads": None},
            tool="litert",
            warnings=warnings,
        )
