"""The benchmark app on the phone: installed, current, stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import re
import zipfile

from keras_mobilevit.android.adb import Adb
from keras_mobilevit.android.errors import AndroidError
from keras_mobilevit.android.remote_hashes import (
    HASH_PROGRAM,
    is_copy,
    read_hashes,
)

PACKAGE = "org.kerasmobilevit.benchmark"
INSTRUMENTATION = f"{PACKAGE}/.BenchmarkInstrumentation"
# Older ones do not know all arguments that they are given.
OLDEST_VERSION = "0.2.0"
# Where a checkout has the APK that was built in it.
_CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
_BUILDS = _CHECKOUT / "tools/android/app/build/outputs/apk/release"
_HOW_TO_GET = (
    "build it in a checkout of this package, as tools/android/README.md says, "
    "and pass it with --apk, or measure without the app by --android-tool "
    "benchmark_model."
)


@dataclasses.dataclass(frozen=True)
class InstalledApp:
    """The app as it is on the phone.

    Attributes:
        version: Name of its version.
        digest: SHA-256 of its APK, or SHA-1 on Android 7; `None` if unknown.
    """

    version: str
    digest: str | None


def find_built_apk(folder: pathlib.Path = _BUILDS) -> pathlib.Path | None:
    """The APK that was last built in this checkout, if this is one.

    Args:
        folder: Where the build leaves them.

    Returns:
        The newest one that is signed, or `None`.
    """
    built = [
        path
        for path in folder.glob("*.apk")
        if not path.stem.endswith("-unsigned")
    ]
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


def prepare_app(adb: Adb, apk: pathlib.Path | None) -> None:
    """Installs or updates the app where that is needed.

    Args:
        adb: The phone.
        apk: The APK to install; `None` for the one that was built, or for
            the app that is already on the phone.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no APK.
        AndroidError: If it can not be installed, or is missing or too old.
    """
    apk = apk or find_built_apk()
    installed = _installed(adb)
    if apk is not None:
        sha256 = _hash_apk(apk)
        if installed is None or not is_copy(apk, sha256, installed.digest):
            adb.install(apk)
            installed = _installed(adb)
    if installed is None:
        raise AndroidError(
            f"The app {PACKAGE} is not on the phone: {_HOW_TO_GET}"
        )
    if _numbers(installed.version) < _numbers(OLDEST_VERSION):
        raise AndroidError(
            f"The app on the phone is too old: expected {OLDEST_VERSION} or "
            f"newer. Received: {installed.version}. For a newer one, "
            f"{_HOW_TO_GET}"
        )


def stop_app(adb: Adb) -> None:
    """Ends the app and what it measures.

    Raises:
        AndroidError: If the phone does not answer.
    """
    adb.shell(f"am force-stop {PACKAGE}")


def _installed(adb):
    output = adb.shell(
        f"pm path {PACKAGE}; dumpsys package {PACKAGE} | grep versionName=; "
        f"{HASH_PROGRAM} $(pm path {PACKAGE} | grep base.apk | cut -d: -f2) "
        "</dev/null 2>/dev/null; true"
    )
    if not re.search(r"^package:", output, re.M):
        return None
    version = re.search(r"versionName=(\S+)", output)
    digest = next(iter(read_hashes(output).values()), None)
    return InstalledApp(version[1] if version else "unknown", digest)


def _hash_apk(apk):
    if not apk.is_file():
        raise FileNotFoundError(f"There is no APK at {apk}.")
    if not zipfile.is_zipfile(apk):
        raise ValueError(f"{apk} is no APK: expected a zip archive.")
    return hashlib.sha256(apk.read_bytes()).hexdigest()


def _numbers(version):
    """`"0.10.1-beta"` as (0, 10, 1); what has no numbers is the oldest."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()
