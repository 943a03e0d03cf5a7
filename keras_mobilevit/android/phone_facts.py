"""What is known of a phone without the app."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from keras_mobilevit.android.adb import Adb

# Key of the results -> property of Android, in the order of the command.
_PROPERTIES = {
    "manufacturer": "ro.product.manufacturer",
    "model": "ro.product.model",
    "soc": "ro.soc.model",
    "android": "ro.build.version.release",
    "sdk": "ro.build.version.sdk",
    "abi": "ro.product.cpu.abi",
}
# Such as 0-7, also of cores that are asleep and tell no frequency.
_CORES = "/sys/devices/system/cpu/possible"
_FREQUENCIES = "/sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq"


def describe_phone(adb: Adb) -> dict[str, Any]:
    """The `machine` of results that were not measured by the app.

    Args:
        adb: The phone.

    Raises:
        AndroidError: If it does not answer.
    """
    reads = "; ".join(f"getprop {name}" for name in _PROPERTIES.values())
    output = adb.shell(
        f"{reads}; cat {_CORES} {_FREQUENCIES} 2>/dev/null; true"
    )
    lines = [line.strip() for line in output.splitlines()]
    facts = dict(zip(_PROPERTIES, lines, strict=False))
    frequencies = [
        int(line) for line in lines[len(_PROPERTIES) :] if line.isdecimal()
    ]
    cores = re.search(r"^0-(\d+)$", "\n".join(lines), re.M)
    sdk = facts.get("sdk", "")
    return {
        "kind": "phone",
        **{name: facts.get(name) or None for name in _PROPERTIES},
        "sdk": int(sdk) if sdk.isdecimal() else None,
        "max_frequencies_khz": frequencies or None,
        "cores": int(cores[1]) + 1 if cores else len(frequencies) or None,
        "versions": {},
    }


def count_big_cores(frequencies: Sequence[int] | None) -> int:
    """How many threads the app would choose.

    Args:
        frequencies: Highest frequency of each core.

    Returns:
        The number of cores that reach four fifths of the highest frequency of
        all; 1 if nothing is known.
    """
    if not frequencies:
        return 1
    return sum(f >= 0.8 * max(frequencies) for f in frequencies)
