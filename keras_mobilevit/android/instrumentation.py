"""What `am instrument -r` prints, and the result that the app sends by it.

The app sends its JSON in base64 in pieces, each in a status of code 1, and
ends with their number and a hash. Statuses of code 2 tell its progress.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator

from keras_mobilevit.android.errors import AndroidError, RunFailedError
from keras_mobilevit.tflite.benchmarks.results import MAX_BYTES

_CHUNK, _PROGRESS = 1, 2
_OK = -1
# The app's key of a phone that did not cool down in time.
_TOO_HOT = "too_hot"
_PREFIX = "INSTRUMENTATION_"


@dataclasses.dataclass(frozen=True)
class Report:
    """What instrumentation told at once.

    Attributes:
        values: Names and values.
        code: Its code.
        last: Whether it is the last one.
    """

    values: dict[str, str]
    code: int
    last: bool


def read_reports(lines: Iterable[str]) -> Iterator[Report]:
    """Groups the lines of `am instrument -r`.

    Args:
        lines: As it prints them.

    Yields:
        Each status, then the end.

    Raises:
        AndroidError: If the instrumentation can not be started, or the
            system of the phone crashed.
    """
    values: dict[str, str] = {}
    name, failure = None, None
    for line in lines:
        if failure is not None:
            continue
        kind, _, rest = line.removeprefix(_PREFIX).partition(": ")
        if not line.startswith(_PREFIX):
            if "INSTRUMENTATION_FAILED" in line:
                failure = values.get("Error", line)
            # A value of several lines, such as a stack trace.
            elif name is not None:
                values[name] += f"\n{line}"
        elif kind in ("STATUS", "RESULT"):
            name, _, text = rest.partition("=")
            values[name] = text
        elif kind in ("STATUS_CODE", "CODE"):
            # That follows where it can not be started.
            if "Error" in values:
                failure = values["Error"]
                continue
            yield Report(values, _code(rest), last=kind == "CODE")
            values, name = {}, None
        elif kind == "FAILED":
            failure = values.get("Error", rest)
        elif kind == "ABORTED":
            raise AndroidError(
                f"Android itself crashed during the measurement ({rest}): "
                "wait until the phone has started again, and repeat the "
                "command."
            )
    if failure is not None:
        raise AndroidError(
            "The app can not be started for a measurement: its version does "
            "not fit this package. Install a current one with --apk. (am: "
            f"{failure.strip()[:300]})"
        )


def collect_result(
    lines: Iterable[str],
    on_progress: Callable[[str], None],
    on_waiting: Callable[[str], None],
) -> bytes:
    """Reads a whole run of the app.

    Args:
        lines: Output of `am instrument -r`.
        on_progress: Called with such as `"12/100"`.
        on_waiting: Called with what it waits for.

    Returns:
        The bytes of its JSON.

    Raises:
        RunFailedError: If the app failed or crashed, or a piece is missing.
        AndroidError: As `read_reports`.
    """
    chunks: dict[str, str] = {}
    size = 0
    for report in read_reports(lines):
        if report.last:
            return _finish(report, chunks)
        if report.code == _CHUNK and "chunk" in report.values:
            chunk = report.values["chunk"]
            size += len(chunk)
            if size > MAX_BYTES * 4 // 3 + 4:
                raise RunFailedError(
                    f"The app sent more than {MAX_BYTES:,} bytes: measure "
                    "with fewer --runs."
                )
            chunks[report.values.get("index", "")] = chunk
        elif report.code == _PROGRESS:
            if "waiting" in report.values:
                on_waiting(report.values["waiting"])
            elif "progress" in report.values:
                on_progress(report.values["progress"])
    raise RunFailedError(
        "The app ended without a result, and without saying why: see `adb "
        "logcat -d -b crash`."
    )


def _finish(report, chunks):
    values = report.values
    if "error" in values:
        advice = values.get("advice", "")
        if values["error"] == _TOO_HOT:
            advice += " Or measure with --ignore-heat or a longer --cooldown."
        raise RunFailedError(
            f"{values.get('message') or values['error']} {advice}".strip()
        )
    if report.code != _OK or "chunks" not in values:
        crash = values.get("longMsg") or values.get("shortMsg") or "no message"
        raise RunFailedError(
            f"The app crashed: {crash.strip().splitlines()[0][:300]} (more: "
            "`adb logcat -d -b crash`)"
        )
    try:
        count = int(values["chunks"])
        data = b"".join(
            base64.b64decode(chunks[str(index)], validate=True)
            for index in range(count)
        )
    except KeyError as error:
        raise RunFailedError(
            f"The result is not complete: piece {error.args[0]} of "
            f"{values['chunks']} is missing. Repeat the command; if it stays "
            "so, try another cable."
        ) from error
    except (ValueError, binascii.Error) as error:
        raise RunFailedError(
            f"The result was damaged on its way ({error}). Repeat the command."
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != values.get("sha256"):
        raise RunFailedError(
            "The result was damaged on its way: expected the hash "
            f"{values.get('sha256')}. Received: {digest}, {len(data):,} of "
            f"{values.get('bytes')} bytes. Repeat the command."
        )
    return data


def _code(text):
    try:
        return int(text)
    except ValueError:
        return 0
