"""The emulated Arm64 machine as a command line."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
from collections.abc import Sequence

from arm64.programs import run

# The Debian release that is emulated, and the Python in it.
SUITE = "trixie"
PYTHON = "3.13"
# A core with half-precision arithmetic and dot products, one with neither, and
# one that has matrix products as well.
CORES = ("cortex-a76", "cortex-a53", "max,sme=off")

_OLDEST_QEMU = 10


@dataclasses.dataclass(frozen=True)
class Emulator:
    """Everything that runs a Python script as on an Arm64 processor.

    Attributes:
        qemu: Program `qemu-aarch64`.
        root: Unpacked Arm64 system with Python.
        packages: Folder of Arm64 Python packages.
        plugin: Built `instructions.c`, or `None` to not count instructions.
    """

    qemu: pathlib.Path
    root: pathlib.Path
    packages: pathlib.Path
    plugin: pathlib.Path | None = None

    def command(
        self,
        core: str,
        script: str | os.PathLike,
        arguments: Sequence[str | os.PathLike] = (),
        counts: str | os.PathLike | None = None,
    ) -> list[str]:
        """Command that runs a Python script on an emulated core.

        Args:
            core: As `qemu-aarch64 -cpu help` lists them.
            script: File of the host; all of its files are seen.
            arguments: Of the script.
            counts: Where the plugin writes what it counts.

        Raises:
            ValueError: If the core is one that `check_core` refuses, or there
                is a comma in the path of the plugin or of the counts.
        """
        check_core(core)
        plugin = []
        if counts is not None:
            setting = f"{self.plugin},out={counts}"
            if setting.count(",") > 1:
                raise ValueError(
                    "qemu cuts the setting of a plugin at commas, so no path "
                    f"may have one. Received: {setting}"
                )
            plugin = ["-plugin", setting]
        return [
            # Nothing of the host's environment is meant for the other side.
            *("env", "--ignore-environment"),
            f"PYTHONPATH={self.packages}",
            # Else two runs differ in what their start executes.
            "PYTHONHASHSEED=0",
            "OPENBLAS_NUM_THREADS=1",
            *(os.fspath(self.qemu), "-cpu", core, "-L", os.fspath(self.root)),
            *plugin,
            os.fspath(self.root / "usr" / "bin" / f"python{PYTHON}"),
            *map(os.fspath, (script, *arguments)),
        ]


def check_core(core: str) -> None:
    """Refuses the emulated core that computes wrongly.

    Raises:
        ValueError: If it is `max` with its matrix extension SME.
    """
    name, *features = core.split(",")
    if name == "max" and "sme=off" not in features:
        raise ValueError(
            "`max` with SME stands for no phone: under qemu 10, half-precision "
            "arithmetic on it gives wrong results without an error (2 dB "
            "against float32, where cortex-a76 has 57 dB). Use "
            f'"max,sme=off" or cortex-a710. Received: core={core!r}'
        )


def check_qemu(program: str | os.PathLike) -> str:
    """Returns the version of a qemu that is new enough.

    Raises:
        FileNotFoundError: If there is no such program.
        ValueError: If it is older than 10, or no qemu for Arm64.
    """
    if not pathlib.Path(program).is_file():
        raise FileNotFoundError(f"There is no qemu-aarch64 at {program}.")
    return parse_version(run([program, "--version"]))


def parse_version(printed: str) -> str:
    """Version in what `qemu-aarch64 --version` prints, such as `"10.0.13"`.

    Raises:
        ValueError: If it is older than 10, or no qemu for Arm64.
    """
    match = re.match(r"qemu-aarch64 version (\d+)[\d.]*", printed)
    if match is None or int(match[1]) < _OLDEST_QEMU:
        raise ValueError(
            f"Expected qemu-aarch64 {_OLDEST_QEMU} or newer: older ones show "
            "the host's /proc/cpuinfo to the program, and LiteRT crashes on "
            f"it. Received: {printed.splitlines()[:1]}"
        )
    return match[0].rpartition(" ")[2]
