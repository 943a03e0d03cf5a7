"""The program `adb`: one device, and what its errors mean."""

from __future__ import annotations

import contextlib
import pathlib
import re
import shutil
from collections.abc import Iterator, Sequence

from keras_mobilevit.android.errors import (
    AndroidError,
    DeviceGoneError,
    NoAnswerError,
)
from keras_mobilevit.android.processes import (
    ProgramOutput,
    SilenceError,
    run_program,
)

# Seconds for what takes a moment, and for files.
_QUICK, _TRANSFER = 30.0, 600.0

_AUTHORIZE = (
    "The phone has not authorized this computer: unlock it and confirm 'Allow "
    "USB debugging?'. If nothing is shown, plug it in again, or run `adb "
    "kill-server`."
)
_OFFLINE = (
    "The phone is connected but does not answer adb: plug it in again, unlock "
    "it, or switch USB debugging off and on."
)
_NO_DEVICE = (
    "No phone is connected: plug one in and enable USB debugging in its "
    "developer options, then check with `adb devices`."
)
_GONE = (
    "The phone was disconnected: check the cable, plug it in again and repeat "
    "the command."
)
_STORAGE = (
    "There is not enough storage on the phone: delete something, or what is "
    "in /data/local/tmp (`adb shell ls -l /data/local/tmp`)."
)
_SERVER = (
    "The server of adb can not be started: run `adb start-server` to see why."
)
# What adb or a program on the phone wrote -> what it means, and whether it
# means that the phone is gone. The first match counts.
_MEANINGS = (
    (r"unauthorized|device still authorizing", _AUTHORIZE, True),
    (r"device offline", _OFFLINE, True),
    (r"no devices/emulators found|no devices found", _NO_DEVICE, True),
    (r"cannot connect to daemon|failed to start daemon", _SERVER, True),
    (r"No space left on device|ENOSPC", _STORAGE, False),
    (
        r"device '.*' not found|error: closed|protocol fault|Broken pipe"
        r"|Connection reset|couldn't read from device|device still connecting"
        r"|unexpected EOF|no response",
        _GONE,
        True,
    ),
)


# How their lines begin: adb's own, and those of the phone's shell, by its
# path or without.
_ADBS_OWN = re.compile(r"adb|error|failed|Failure|mkdir|(\S*/)?sh:")
_INSTALL_MEANINGS = (
    (
        "INSTALL_FAILED_UPDATE_INCOMPATIBLE|signatures do not match",
        "The app on the phone was signed by somebody else's key, so that it "
        "can not be updated: remove it, with its history, by `adb uninstall "
        "org.kerasmobilevit.benchmark`, and repeat the command.",
        False,
    ),
    ("INSTALL_FAILED_INSUFFICIENT_STORAGE", _STORAGE, False),
    (
        "INSTALL_FAILED_VERSION_DOWNGRADE",
        "The app on the phone is newer than the APK: leave --apk out, or "
        "remove the app by `adb uninstall org.kerasmobilevit.benchmark`.",
        False,
    ),
    (
        "INSTALL_FAILED_OLDER_SDK",
        "The phone's Android is too old for the app, which needs Android 7.",
        False,
    ),
    (
        "INSTALL_FAILED_NO_MATCHING_ABIS",
        "The app has no code for the phone's processor: it needs a 64-bit "
        "Android.",
        False,
    ),
    (
        "INSTALL_PARSE_FAILED_NO_CERTIFICATES",
        "The APK is not signed: build a signed one, as tools/android/README.md "
        "says.",
        False,
    ),
    (
        "INSTALL_FAILED_USER_RESTRICTED|INSTALL_FAILED_ABORTED",
        "The phone refused the installation: allow 'Install via USB' in its "
        "developer options, and confirm what it asks on the screen.",
        False,
    ),
)


def explain(
    output: str, meanings: Sequence[tuple[str, str, bool]] = ()
) -> AndroidError | None:
    """What adb's own errors mean.

    Args:
        output: What it wrote.
        meanings: Patterns, what they mean, and whether the phone is gone:
            those that are tried before the usual ones.

    Returns:
        The error, or `None` if there is none that is known.
    """
    # Not what a program on the phone says of itself.
    lines = [line for line in output.splitlines() if _ADBS_OWN.match(line)]
    for pattern, message, gone in (*meanings, *_MEANINGS):
        for line in lines:
            if re.search(pattern, line):
                kind = DeviceGoneError if gone else AndroidError
                return kind(f"{message} (adb: {line.strip()})")
    return None


class Adb:
    """Runs `adb` on one device.

    Attributes:
        program: Path of the program.
        serial: Serial number of the device; empty before it is chosen.
    """

    def __init__(self, program: str = "adb", serial: str = ""):
        """Finds the program.

        Args:
            program: Its name on `PATH`, or its path.
            serial: Serial number of the device.

        Raises:
            AndroidError: If there is no such program.
        """
        found = shutil.which(program)
        if found is None:
            raise AndroidError(
                f"There is no program {program!r} on PATH: install Android's "
                "platform tools (`apt install adb`, `brew install "
                "android-platform-tools`, or "
                "https://developer.android.com/tools/releases/platform-tools) "
                "and add their folder to PATH."
            )
        self.program = found
        self.serial = serial

    def run(
        self,
        *arguments: str,
        timeout: float = _QUICK,
        meanings: Sequence[tuple[str, str, bool]] = (),
    ) -> str:
        """Runs a command of adb.

        Args:
            *arguments: The command.
            timeout: Seconds that it may take.
            meanings: As in `explain`.

        Returns:
            What it wrote to standard output.

        Raises:
            DeviceGoneError: If the phone is not there.
            NoAnswerError: If it does not end in time.
            AndroidError: If it fails; the message says why.
        """
        try:
            done = run_program(self._command(arguments), timeout)
        except SilenceError as error:
            raise NoAnswerError(
                f"`adb {arguments[0]}` did not end within {timeout:g} s: "
                "unlock the phone and look for a question on its screen, or "
                "plug it in again."
            ) from error
        except OSError as error:
            raise AndroidError(
                f"{self.program} can not be run: {error}"
            ) from error
        if done.returncode:
            output = f"{done.stdout}\n{done.stderr}"
            raise explain(output, meanings) or AndroidError(
                f"`adb {' '.join(arguments)[:200]}` failed with exit status "
                f"{done.returncode}: {_last_line(output)}"
            )
        return done.stdout.replace("\r\n", "\n")

    def shell(self, command: str, timeout: float = _QUICK) -> str:
        """Runs a command line of the phone's shell; else as `run`."""
        return self.run("shell", command, timeout=timeout)

    def push(self, source: pathlib.Path, target: str) -> None:
        """Copies a file to the phone; the errors are those of `run`."""
        self.run("push", str(source), target, timeout=_TRANSFER)

    def install(self, apk: pathlib.Path) -> None:
        """Installs or updates an app; the errors are those of `run`."""
        chosen = f"-s {self.serial} " if self.serial else ""
        self.run(
            *("install", "-r", str(apk)),
            timeout=_TRANSFER,
            meanings=[
                (pattern, text.replace("`adb ", f"`adb {chosen}"), gone)
                for pattern, text, gone in _INSTALL_MEANINGS
            ],
        )

    @contextlib.contextmanager
    def stream(self, command: str, silence: float) -> Iterator[Iterator[str]]:
        """Runs a command line of the phone's shell and reads its lines.

        Args:
            command: The command line.
            silence: Seconds without a line after which it counts as stuck.

        Yields:
            The lines, of standard output and standard error.

        Raises:
            DeviceGoneError: If the phone is no longer there.
            SilenceError: If it is stuck.
        """
        with ProgramOutput(
            self._command(("shell", command)), silence
        ) as output:
            yield self._checked(output)

    def require_device(self) -> None:
        """Passes if the phone is there.

        Raises:
            AndroidError: If not.
        """
        state = self.run("get-state").strip()
        if state != "device":
            raise DeviceGoneError(f"{_GONE} (adb: its state is {state!r})")

    def _checked(self, output):
        last = ""
        for line in output:
            last = line or last
            yield line
        if output.returncode and (error := explain(last)):
            raise error

    def _command(self, arguments):
        chosen = ("-s", self.serial) if self.serial else ()
        return (self.program, *chosen, *arguments)


def _last_line(output):
    lines = output.split("\n")
    return next((x.strip() for x in reversed(lines) if x.strip()), "no message")
