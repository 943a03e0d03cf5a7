"""Measures with the app: in the foreground, as apps run."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

from keras_mobilevit.android.adb import Adb
from keras_mobilevit.android.app import INSTRUMENTATION, prepare_app, stop_app
from keras_mobilevit.android.cleanup import Cleanup
from keras_mobilevit.android.configurations import Run
from keras_mobilevit.android.errors import AndroidError
from keras_mobilevit.android.instrumentation import collect_result
from keras_mobilevit.android.processes import SilenceError
from keras_mobilevit.tflite.benchmarks.results import parse_results


class AppTool:
    """The app, started by `am instrument` in a new process for each run."""

    pushes_files = True

    def __init__(
        self,
        adb: Adb,
        apk: pathlib.Path | None,
        *,
        max_headroom: float | None,
        cooldown: int,
        silence: float,
        on_progress: Callable[[str], None],
        on_waiting: Callable[[str], None],
    ):
        """Remembers how to measure.

        Args:
            adb: The phone.
            apk: As in `keras_mobilevit.android.app.prepare_app`.
            max_headroom: Thermal headroom that a run waits for, or `None`.
            cooldown: Seconds of waiting after which a run fails.
            silence: Seconds without a word after which the app is stuck.
            on_progress: Called with such as `"12/100"`.
            on_waiting: Called with what the app waits for.
        """
        self._adb = adb
        self._apk = apk
        self._heat = ()
        if max_headroom is not None:
            # While it waits, it says so every few seconds.
            self._heat = ("max_headroom", max_headroom, "cooldown", cooldown)
        self._silence = silence
        self._callbacks = on_progress, on_waiting

    def prepare(self, cleanup: Cleanup) -> None:
        """As `PhoneTool.prepare`."""
        prepare_app(self._adb, self._apk)
        cleanup.add("the app may still run", lambda: stop_app(self._adb))

    def measure(self, run: Run) -> dict[str, Any]:
        """As `PhoneTool.measure`."""
        file = run.configuration.file
        command = f"am instrument -w -r {self._arguments(run)}"
        try:
            with self._adb.stream(command, self._silence) as lines:
                data = collect_result(lines, *self._callbacks)
        except SilenceError:
            # It would disturb what is measured next.
            stop_app(self._adb)
            raise
        try:
            document = parse_results(data, "What the app sent")
            (result,) = document["results"]
            if result["sha256"] != file.sha256:
                raise ValueError(
                    f"the app measured another file: expected the hash "
                    f"{file.sha256}. Received: {result['sha256']}"
                )
        except ValueError as error:
            raise AndroidError(str(error)) from error
        # On the phone its hash is its name.
        result["file"] = file.name
        result["name"] = str(run.configuration)
        result["repeat"] = run.repeat
        return document

    def _arguments(self, run):
        configuration = run.configuration
        values = [
            *("model", configuration.file.remote),
            *("accelerator", configuration.accelerator),
            *("runs", run.runs, "warmup", run.warmup),
            *(*self._heat, "repeat", run.repeat),
        ]
        if configuration.threads is not None:
            values += ["threads", configuration.threads]
        extras = zip(values[::2], values[1::2], strict=True)
        pairs = " ".join(f"-e {name} {value}" for name, value in extras)
        return f"{pairs} {INSTRUMENTATION}"
